/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two sorted lists are walked side by side: what the kernel has, and what is wanted. */
#include "vxlan_entries.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 256 /* messages in one send */

void vxlan_entries_clear(struct vxlan_entries *entries)
{
	vxlan_pairs_clear(&entries->neighbours);
	vxlan_pairs_clear(&entries->forwarding);
	*entries = (struct vxlan_entries){};
}

void vxlan_wanted_clear(struct vxlan_wanted *wanted)
{
	vxlan_pairs_clear(&wanted->neighbours);
	vxlan_pairs_clear(&wanted->forwarding);
}

int vxlan_entries_read(struct netlink *nl, struct vxlan_entries *entries,
		       unsigned int index, struct cni_error *err)
{
	int ret;

	vxlan_entries_clear(entries);
	entries->index = index;
	ret = vxlan_neighbours.read(nl, index, &entries->neighbours, err);
	if (ret == 0)
		ret = vxlan_forwarding.read(nl, index, &entries->forwarding, err);
	entries->known = ret == 0;
	return ret;
}

static const struct vxlan_pair *find(const struct vxlan_table *table,
				     const struct vxlan_pairs *list,
				     const struct vxlan_pair *key)
{
	return list->n ? bsearch(key, list->items, list->n, sizeof(*key), table->cmp)
		       : NULL;
}

struct ip_addr vxlan_entries_peer(const struct vxlan_entries *entries,
				  const struct ip_addr *gw)
{
	const struct vxlan_pair key = {.addr = *gw};
	const struct vxlan_pair *found = find(&vxlan_neighbours, &entries->neighbours,
					      &key);

	if (found)
		found = find(&vxlan_forwarding, &entries->forwarding, found);
	return found ? found->addr : (struct ip_addr){};
}

/* The work on one table. */
struct work {
	struct netlink *nl;
	const struct vxlan_table *table;
	unsigned int index;
	const char *name;
	size_t queued;
	int ret; /* of the first error, which @err has */
	struct cni_error *err;
};

/* That an entry was removed by somebody meanwhile (-ENOENT) is no error; but more may
 * have changed, so what is known of the kernel doesn't count any more. */
static void send_queued(struct work *work)
{
	struct cni_error err = {};
	int ret = netlink_commit(work->nl, &err);

	work->queued = 0;
	if (ret < 0 && (work->ret == 0 || work->ret == -ENOENT)) {
		work->ret = ret;
		error_copy(work->err, &err);
	}
}

static void queued(struct work *work, size_t *counter)
{
	(*counter)++;
	if (++work->queued >= BATCH_MAX)
		send_queued(work);
}

static bool pair_equal(const struct vxlan_pair *a, const struct vxlan_pair *b)
{
	return ip_equal(&a->addr, &b->addr) && mac_equal(&a->mac, &b->mac);
}

/* An entry that has an odd property can't be replaced by one without it: it is deleted
 * first. */
static void set(struct work *work, const struct vxlan_pair *pair, bool anew,
		size_t *counter)
{
	if (anew)
		work->table->queue_del(work->nl, work->index, work->name, pair);
	work->table->queue_set(work->nl, work->index, work->name, pair);
	queued(work, counter);
}

/* Sets what differs, and notes what the entry is then. */
static void mend(struct work *work, struct vxlan_pair *has,
		 const struct vxlan_pair *wanted, size_t *counter)
{
	if (has->odd || !pair_equal(has, wanted))
		set(work, wanted, has->odd, counter);
	*has = *wanted;
	has->wanted = true;
}

static bool has_keys(const struct work *work, const struct vxlan_pairs *list,
		     const struct vxlan_pairs *wanted)
{
	if (list->n != wanted->n)
		return false;
	for (size_t i = 0; i < list->n; i++)
		if (work->table->cmp(&list->items[i], &wanted->items[i]) != 0)
			return false;
	return true;
}

/* In most cases the keys are those that are there. */
static void mend_all(struct work *work, struct vxlan_pairs *list,
		     const struct vxlan_pairs *wanted, size_t *counter)
{
	for (size_t i = 0; i < list->n; i++)
		mend(work, &list->items[i], &wanted->items[i], counter);
	send_queued(work);
}

/* Gives back the memory behind the items. */
static void shrink(struct vxlan_pairs *list)
{
	struct vxlan_pair *items = reallocarray(list->items, list->n + 1, sizeof(*items));

	if (items)
		list->items = items;
}

/* Makes @list, which the kernel has, that and @wanted together. */
static void add_wanted(struct work *work, struct vxlan_pairs *list,
		       const struct vxlan_pairs *wanted, size_t *counter)
{
	struct vxlan_pairs all = {};
	size_t is = 0;

	if (has_keys(work, list, wanted)) {
		mend_all(work, list, wanted, counter);
		return;
	}
	all.items = reallocarray(NULL, list->n + wanted->n + 1, sizeof(*all.items));
	if (!all.items) {
		work->ret = error_oom(work->err);
		return;
	}
	for (size_t i = 0; i < wanted->n; i++) {
		const struct vxlan_pair *item = &wanted->items[i];
		int order = 1;

		while (is < list->n &&
		       (order = work->table->cmp(&list->items[is], item)) < 0) {
			all.items[all.n] = list->items[is++];
			all.items[all.n++].wanted = false;
		}
		if (is == list->n || order > 0) {
			set(work, item, false, counter);
			all.items[all.n] = *item;
			all.items[all.n++].wanted = true;
		} else {
			all.items[all.n] = list->items[is++];
			mend(work, &all.items[all.n++], item, counter);
		}
	}
	for (; is < list->n; is++) {
		all.items[all.n] = list->items[is];
		all.items[all.n++].wanted = false;
	}
	send_queued(work);
	vxlan_pairs_clear(list);
	*list = all;
	shrink(list);
}

static void trim(struct work *work, struct vxlan_pairs *list, size_t *counter)
{
	size_t kept = 0;

	while (kept < list->n && list->items[kept].wanted)
		kept++;
	for (size_t i = kept; i < list->n; i++) {
		if (list->items[i].wanted) {
			list->items[kept++] = list->items[i];
			continue;
		}
		work->table->queue_del(work->nl, work->index, work->name,
				       &list->items[i]);
		queued(work, counter);
	}
	list->n = kept;
	send_queued(work);
}

/* Ends the work on a table. After -ENOENT, too, the kernel is read again the next
 * time. */
static int end(struct vxlan_entries *entries, const struct work *work)
{
	if (work->ret < 0)
		entries->known = false;
	return work->ret == -ENOENT ? error_clear(work->err) : work->ret;
}

int vxlan_entries_add(struct netlink *nl, struct vxlan_entries *entries,
		      unsigned int index, const char *name,
		      const struct vxlan_wanted *wanted, struct vxlan_done *done,
		      struct cni_error *err)
{
	struct work work = {.nl = nl, .index = index, .name = name, .err = err};
	int ret = 0;

	if (!entries->known || entries->index != index)
		ret = vxlan_entries_read(nl, entries, index, err);
	if (ret < 0)
		return ret;
	/* The forwarding entry of a MAC address is there before a neighbour has the
	 * address. */
	work.table = &vxlan_forwarding;
	add_wanted(&work, &entries->forwarding, &wanted->forwarding, &done->set);
	work.table = &vxlan_neighbours;
	if (work.ret == 0)
		add_wanted(&work, &entries->neighbours, &wanted->neighbours, &done->set);
	return end(entries, &work);
}

int vxlan_entries_trim(struct netlink *nl, struct vxlan_entries *entries,
		       const char *name, struct vxlan_done *done, struct cni_error *err)
{
	struct work work = {.nl = nl, .index = entries->index, .name = name, .err = err};

	if (!entries->known)
		return 0;
	work.table = &vxlan_neighbours;
	trim(&work, &entries->neighbours, &done->removed);
	work.table = &vxlan_forwarding;
	trim(&work, &entries->forwarding, &done->removed);
	return end(entries, &work);
}

bool vxlan_entries_event(struct vxlan_entries *entries, const struct nlmsghdr *message)
{
	const struct vxlan_pairs *list;
	const struct vxlan_pair *has;
	struct vxlan_entry entry;
	bool right;

	if (!entries->known || !vxlan_entry_read(message, entries->index, &entry))
		return false;
	list = entry.table == &vxlan_neighbours ? &entries->neighbours
						: &entries->forwarding;
	has = find(entry.table, list, &entry.pair);
	if (entry.removed || !entry.has_mac)
		right = !has;
	else
		right = has && !entry.pair.odd && pair_equal(has, &entry.pair);
	if (!right)
		entries->known = false;
	return !right;
}
