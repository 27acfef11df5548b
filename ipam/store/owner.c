/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An owner's reservations: found and taken away. */
#include "owner.h"

#include <errno.h>
#include <string.h>

#include "conf/identity.h"

/* Under which hashes an owner's reservations may be found. */
static uint64_t hash_of(const struct owner *owner, enum owner_match format)
{
	return format == OWNER_EXACT ? owner_hash(owner->container_id, owner->ifname)
				     : hash_text(owner->container_id);
}

/*
 * 1: yes, 0: no; or -errno: what can't be read is not known to be another's. Of a file that was
 * rewritten in place as the container ID alone, the index or the record says whose it is.
 */
static int holds(const struct store *store, const struct ip_addr *ip,
		 const struct owner *owner, struct cni_error *err)
{
	struct owner_text text;
	int r = store_owner_of(store, ip, &text);

	if (r == -ENOENT || r == -EFBIG)
		return 0;
	if (r < 0)
		return store_file_error(store->path, IP_TEXT(ip), -r, "read", err);
	return owner_match(&text, owner) != OWNER_OTHER;
}

int store_find(struct store *store, const struct owner *owner, struct ip_addr *ret_ip,
	       struct cni_error *err)
{
	static const enum owner_match formats[] = {OWNER_EXACT, OWNER_OLD};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct table_cursor cursor = {.owner = hash_of(owner, formats[i])};
		struct table_entry entry;

		while (table_next(&store->table, &cursor, &entry)) {
			int r = holds(store, &entry.ip, owner, err);

			if (r > 0)
				*ret_ip = entry.ip;
			if (r != 0)
				return r;
		}
	}
	return 0;
}

bool store_record_covers(struct store *store, const struct record *record)
{
	struct owner owner = {record->container_id, record->ifname};
	struct table_cursor cursor = {.owner = hash_of(&owner, OWNER_EXACT)};
	struct table_entry entry;

	while (table_next(&store->table, &cursor, &entry))
		if (!record_names(record, &entry.ip, &entry.mark))
			return false;
	return table_error(&store->table) == 0;
}

bool store_record_holds(struct store *store, const struct record *record)
{
	struct table_cursor cursor = {
		.owner = owner_hash(record->container_id, record->ifname),
	};
	struct table_entry entry;

	return table_next(&store->table, &cursor, &entry);
}

struct ip_list {
	struct ip_addr *items;
	size_t n;
};

static void ip_list_clear(struct ip_list *list)
{
	free(list->items);
}

static int ip_list_add(struct ip_list *list, const struct ip_addr *ip)
{
	struct ip_addr *grown;

	for (size_t i = 0; i < list->n; i++)
		if (ip_equal(&list->items[i], ip))
			return 0;
	grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->items = grown;
	grown[list->n++] = *ip;
	return 0;
}

/* Where reservations of this format may be: by the index, then by the record. */
static int candidates(struct store *store, const struct owner *owner,
		      enum owner_match format, const struct record *record,
		      struct ip_list *list, size_t *ret_indexed)
{
	struct table_cursor cursor = {.owner = hash_of(owner, format)};
	struct table_entry entry;
	int r = 0;

	while (r == 0 && table_next(&store->table, &cursor, &entry))
		r = ip_list_add(list, &entry.ip);
	*ret_indexed = list->n;
	for (size_t i = 0; record && r == 0 && i < record->n; i++)
		if (record->addresses[i].reserved)
			r = ip_list_add(list, &record->addresses[i].address.addr);
	return r;
}

static int release(struct store *store, const struct owner *owner,
		   enum owner_match format, const struct record *record,
		   size_t *ret_removed, struct cni_error *err)
{
	_cleanup_(ip_list_clear) struct ip_list list = {};
	size_t removed = 0, indexed;
	int first = 0;

	if (candidates(store, owner, format, record, &list, &indexed) < 0)
		return error_oom(err);
	for (size_t i = 0; i < list.n; i++) {
		struct cni_error own = {};
		int r = holds(store, &list.items[i], owner, &own);
		bool held = r > 0;

		/* Both ways a file that was changed in place. */
		if (r >= 0 && held != (i < indexed))
			index_spoil(store);
		if (held) {
			removed++;
			r = store_remove(store, &list.items[i], &own);
		}
		if (held && r == 0)
			table_drop(&store->table, hash_of(owner, format), &list.items[i]);
		if (r < 0 && first == 0) {
			first = r;
			*err = own;
		}
	}
	*ret_removed = removed;
	return first;
}

int store_release(struct store *store, const struct owner *owner,
		  const struct record *record, size_t *ret_removed, struct cni_error *err)
{
	int r;

	r = release(store, owner, OWNER_EXACT, record, ret_removed, err);
	if (r < 0 || *ret_removed > 0)
		return r;
	return release(store, owner, OWNER_OLD, NULL, ret_removed, err);
}
