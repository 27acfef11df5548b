/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two sorted lists, of the elements that the kernel has and of those that are wanted: what
 * only one of them has is deleted or added. */
#include "guard_elements.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/list.h"
#include "deploy/agent/base/byte_sort.h"
#include "plugin/netlink/nf_tables_lookup.h"
#include "plugin/netlink/nf_tables_transaction.h"

#define PIECE 16 /* elements that are made for a transaction at once */

/* The bytes of an element, in the order in which they are compared: guard_keep.h hands
 * over the sources nearly in that of the result. */
#define KIND  0
#define LEN   1
#define INNER 2
#define OUTER (INNER + 16)

void guard_elements_clear(struct guard_elements *elements)
{
	free(elements->items);
	*elements = (struct guard_elements){};
}

static int element_cmp(const struct guard_element *a, const struct guard_element *b)
{
	return bytes_cmp(a, b, sizeof(*a));
}

/* Sorts a list, and leaves each element in it once. */
static void settle(struct guard_elements *elements)
{
	struct guard_element *items = elements->items;
	size_t n = 0, in_order = 1;

	while (in_order < elements->n &&
	       element_cmp(&items[in_order - 1], &items[in_order]) < 0)
		in_order++;
	if (in_order >= elements->n)
		return;
	BYTE_SORT(items, elements->n, struct guard_element, bytes);
	for (size_t i = 0; i < elements->n; i++)
		if (n == 0 || element_cmp(&items[n - 1], &items[i]) != 0)
			items[n++] = items[i];
	elements->n = n;
}

/* -- the elements that are wanted */

static void want(struct guard_elements *elements, enum guard_kind kind,
		 const struct ip_addr *outer, const struct ip_prefix *inner)
{
	struct guard_element *element = &elements->items[elements->n++];

	*element = (struct guard_element){{[KIND] = kind, [LEN] = inner->len}};
	if (outer)
		memcpy(element->bytes + OUTER, outer->bytes, sizeof(outer->bytes));
	memcpy(element->bytes + INNER, inner->addr.bytes, sizeof(inner->addr.bytes));
}

/* @more: room for so many others. -ENOMEM. */
static int wanted_make(const struct guard_spec *spec, size_t more,
		       struct guard_elements *ret_wanted)
{
	struct guard_elements wanted = {
		.items = reallocarray(NULL, spec->n_sources + spec->n_own + more + 1,
				      sizeof(*wanted.items))};

	if (!wanted.items)
		return -ENOMEM;
	for (size_t i = 0; spec->vxlan && i < spec->n_sources; i++)
		want(&wanted, guard_kind_source(&spec->sources[i]),
		     &spec->sources[i].outer, &spec->sources[i].inner);
	for (size_t i = 0; i < spec->n_own; i++)
		want(&wanted, guard_kind_own(&spec->own[i]), NULL, &spec->own[i]);
	settle(&wanted);
	*ret_wanted = wanted;
	return 0;
}

/* -- the elements that the kernel has */

/* How many bytes the two addresses of a set's elements have; 0: there is none. */
static void sizes_of(enum guard_kind kind, size_t *ret_outer, size_t *ret_inner)
{
	bool own = kind == GUARD_OWN_4 || kind == GUARD_OWN_6;
	bool outer6 = kind == GUARD_SOURCES_64 || kind == GUARD_SOURCES_66;
	bool inner6 = kind == GUARD_SOURCES_46 || kind == GUARD_SOURCES_66 ||
		      kind == GUARD_OWN_6;

	*ret_outer = own ? 0 : ip_size(outer6 ? AF_INET6 : AF_INET);
	*ret_inner = ip_size(inner6 ? AF_INET6 : AF_INET);
}

struct reading {
	struct guard_elements *elements;
	size_t room; /* for so many */
	enum guard_kind kind;
	unsigned int len;
};

/* Takes an element of the kernel's, for nft_set_elements(). A dump that is interrupted
 * begins anew, so that an element may come twice. */
static int element_take(const struct nft_element *found, void *data)
{
	struct reading *reading = data;
	struct guard_elements *elements = reading->elements;
	struct guard_element *element;
	size_t outer, inner;

	sizes_of(reading->kind, &outer, &inner);
	if (found->key.len != outer + inner)
		return -EBADMSG;
	if (elements->n == reading->room) {
		size_t room = 2 * reading->room + PIECE;
		struct guard_element *items = reallocarray(elements->items, room,
							   sizeof(*items));

		if (!items)
			return -ENOMEM;
		elements->items = items;
		reading->room = room;
	}
	element = &elements->items[elements->n++];
	*element = (struct guard_element){{[KIND] = reading->kind, [LEN] = reading->len}};
	memcpy(element->bytes + OUTER, found->key.bytes, outer);
	memcpy(element->bytes + INNER, found->key.bytes + outer, inner);
	return 0;
}

static struct nft_set set_of(const struct guard_element *element)
{
	struct nft_set set = {.family = NFPROTO_INET, .table = GUARD_TABLE};

	guard_set_name(element->bytes[KIND], element->bytes[LEN], set.name);
	return set;
}

/* Code 101. */
static int elements_read(struct netlink *nft, const struct guard_spec *spec,
			 struct guard_elements *elements, struct cni_error *err)
{
	struct reading reading = {.elements = elements};
	struct guard_sets sets;
	int ret = 0;

	guard_sets_find(spec, &sets);
	for (int kind = 0; kind < GUARD_KINDS; kind++)
		for (unsigned int len = 0; ret == 0 && len < GUARD_LENGTHS; len++) {
			const struct guard_element any = {{[KIND] = kind, [LEN] = len}};
			const struct nft_set set = set_of(&any);

			if (!sets.has[kind][len])
				continue;
			reading.kind = kind;
			reading.len = len;
			ret = nft_set_elements(nft, &set, element_take, &reading, err);
		}
	if (ret == 0)
		settle(elements);
	return ret;
}

/* -- commands of nft(8) */

/* In the sets of sources a pod's address has no type, so that it is a number. */
static void element_write(const struct guard_element *element, struct text *text)
{
	struct ip_addr addr = {};
	size_t outer, inner;

	sizes_of(element->bytes[KIND], &outer, &inner);
	addr.family = (outer ? outer : inner) == 4 ? AF_INET : AF_INET6;
	memcpy(addr.bytes, element->bytes + (outer ? OUTER : INNER),
	       ip_size(addr.family));
	text_add(text, "%s", IP_TEXT(&addr));
	for (size_t i = 0; outer && i < inner; i++)
		text_add(text, i ? "%02x" : " . 0x%02x", element->bytes[INNER + i]);
}

/* One command for each set: one for each element takes libnftables several times as long. */
int guard_elements_declare(const struct guard_spec *spec, struct text *text,
			   struct cni_error *err)
{
	_cleanup_(guard_elements_clear) struct guard_elements wanted = {};
	const struct guard_element *before = NULL;

	if (wanted_make(spec, 0, &wanted) < 0)
		return error_oom(err);
	for (size_t i = 0; i < wanted.n; before = &wanted.items[i++]) {
		const struct guard_element *item = &wanted.items[i];
		bool same = before && memcmp(before->bytes, item->bytes, INNER) == 0;

		if (same)
			text_add(text, ", ");
		else
			text_add(text, "%sadd element inet " GUARD_TABLE " %s { ",
				 before ? " }\n" : "", set_of(item).name);
		element_write(item, text);
	}
	text_add(text, before ? " }\n" : "");
	return 0;
}

/* -- the transaction */

/* Elements on their way into a transaction: pieces of one set. */
struct queue {
	struct netlink *nft;
	void (*send)(struct netlink *nft, const struct nft_element *elements, size_t n);
	struct nft_set set;
	struct nft_element items[PIECE];
	size_t n; /* in @items */
	size_t all;
};

static void queue_flush(struct queue *queue)
{
	if (queue->n)
		queue->send(queue->nft, queue->items, queue->n);
	queue->n = 0;
}

static void queue_add(struct queue *queue, const struct guard_element *element)
{
	struct nft_set set = set_of(element);
	struct nft_element *item;
	size_t outer, inner;

	if (queue->n == PIECE || strcmp(set.name, queue->set.name) != 0)
		queue_flush(queue);
	queue->set = set;
	item = &queue->items[queue->n++];
	*item = (struct nft_element){.set = &queue->set};
	sizes_of(element->bytes[KIND], &outer, &inner);
	if (outer)
		nft_value_add_part(&item->key, element->bytes + OUTER, outer);
	nft_value_add_part(&item->key, element->bytes + INNER, inner);
	queue->all++;
}

/* Queues the removal of what @known alone has, and the addition of what @wanted alone has. */
static void queue_differences(struct netlink *nft, const struct guard_elements *known,
			      const struct guard_elements *wanted, size_t *ret_deleted,
			      size_t *ret_added)
{
	struct queue del = {.nft = nft, .send = nft_transaction_del};
	struct queue add = {.nft = nft, .send = nft_transaction_add};
	size_t is = 0, at = 0;

	while (is < known->n || at < wanted->n) {
		int order = is == known->n ? 1
			    : at == wanted->n
				    ? -1
				    : element_cmp(&known->items[is], &wanted->items[at]);

		if (order < 0)
			queue_add(&del, &known->items[is]);
		if (order > 0)
			queue_add(&add, &wanted->items[at]);
		is += order <= 0;
		at += order >= 0;
	}
	queue_flush(&del);
	queue_flush(&add);
	*ret_deleted = del.all;
	*ret_added = add.all;
}

static bool equal(const struct guard_elements *a, const struct guard_elements *b)
{
	return a->n == b->n &&
	       (a->n == 0 || memcmp(a->items, b->items, a->n * sizeof(*a->items)) == 0);
}

/* Makes the kernel have @wanted in place of @known. */
static int replace(struct netlink *nft, const struct guard_elements *known,
		   const struct guard_elements *wanted, struct guard_done *done,
		   struct cni_error *err)
{
	size_t deleted, added;
	int ret;

	if (equal(known, wanted))
		return 0;
	nft_transaction_begin(nft);
	queue_differences(nft, known, wanted, &deleted, &added);
	ret = nft_transaction_commit(nft, ENOENT, err);
	if (ret != 0)
		return ret == NETLINK_EXPECTED ? GUARD_ELEMENTS_AGAIN : ret;
	done->added += added;
	done->deleted += deleted;
	return 0;
}

int guard_elements_ensure(struct netlink *nft, const struct guard_spec *spec,
			  const struct guard_elements *known,
			  struct guard_elements *ret_now, struct guard_done *done,
			  struct cni_error *err)
{
	_cleanup_(guard_elements_clear) struct guard_elements wanted = {}, read = {};
	int ret = 0;

	if (wanted_make(spec, 0, &wanted) < 0)
		return error_oom(err);
	if (!known)
		ret = elements_read(nft, spec, &read, err);
	if (ret == 0)
		ret = replace(nft, known ? known : &read, &wanted, done, err);
	if (ret != 0)
		return ret;
	guard_elements_clear(ret_now);
	*ret_now = wanted;
	wanted = (struct guard_elements){};
	return 0;
}

int guard_elements_add(struct netlink *nft, const struct guard_spec *spec,
		       struct guard_done *done, struct cni_error *err)
{
	_cleanup_(guard_elements_clear) struct guard_elements all = {}, read = {};
	int ret = elements_read(nft, spec, &read, err);

	if (ret < 0)
		return ret;
	if (wanted_make(spec, read.n, &all) < 0)
		return error_oom(err);
	for (size_t i = 0; i < read.n; i++)
		all.items[all.n++] = read.items[i];
	settle(&all);
	return replace(nft, &read, &all, done, err);
}
