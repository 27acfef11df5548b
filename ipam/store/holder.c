/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds a holder's reservations, and takes them away. */
#include "holder.h"

#include <errno.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/identity.h"

/* The hash by which a holder's reservations of this format are found. */
static uint64_t hash_of(const struct holder *holder, enum holder_match format)
{
	return format == HOLDER_EXACT ? holder_hash(holder->container_id, holder->ifname)
				      : hash_text(holder->container_id);
}

/*
 * Does @holder hold @ip? 1: yes; 0: no; -errno: the file can't be read, so it may be the
 * holder's. Where a file was rewritten in place as the container ID alone, it is the
 * holder's because the index or the record said so.
 */
static int holds(const struct store *store, const struct ip_addr *ip,
		 const struct holder *holder, struct cni_error *err)
{
	struct holder_text text;
	int ret = store_holder_of(store, ip, &text);

	if (ret == -ENOENT || ret == -EFBIG)
		return 0;
	if (ret < 0)
		return store_file_error(store->path, IP_TEXT(ip), -ret, "read", err);
	return holder_match(&text, holder) != HOLDER_OTHER;
}

int store_find(struct store *store, const struct holder *holder, struct ip_addr *ret_ip,
	       struct cni_error *err)
{
	static const enum holder_match formats[] = {HOLDER_EXACT, HOLDER_OLD};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct table_cursor cursor = {.holder = hash_of(holder, formats[i])};
		struct table_entry entry;

		while (table_next(&store->table, &cursor, &entry)) {
			int ret = holds(store, &entry.ip, holder, err);

			if (ret > 0)
				*ret_ip = entry.ip;
			if (ret != 0)
				return ret < 0 ? ret : HOLDER_HAS_ADDRESS;
		}
	}
	return 0;
}

bool store_record_covers(struct store *store, const struct record *record)
{
	struct holder holder = {record->container_id, record->ifname};
	struct table_cursor cursor = {.holder = hash_of(&holder, HOLDER_EXACT)};
	struct table_entry entry;

	while (table_next(&store->table, &cursor, &entry))
		if (!record_names(record, &entry.ip, &entry.mark))
			return false;
	return table_error(&store->table) == 0;
}

bool store_record_holds(struct store *store, const struct record *record)
{
	struct table_cursor cursor = {
		.holder = holder_hash(record->container_id, record->ifname),
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
	struct ip_addr *added;

	for (size_t i = 0; i < list->n; i++)
		if (ip_equal(&list->items[i], ip))
			return 0;
	added = LIST_ADD(list);
	if (!added)
		return -ENOMEM;
	*added = *ip;
	return 0;
}

/* Lists where reservations of this format may be: by the index, then by the record. The
 * first @ret_indexed are from the index. */
static int candidates(struct store *store, const struct holder *holder,
		      enum holder_match format, const struct record *record,
		      struct ip_list *list, size_t *ret_indexed)
{
	struct table_cursor cursor = {.holder = hash_of(holder, format)};
	struct table_entry entry;
	int ret = 0;

	while (ret == 0 && table_next(&store->table, &cursor, &entry))
		ret = ip_list_add(list, &entry.ip);
	*ret_indexed = list->n;
	for (size_t i = 0; record && ret == 0 && i < record->n; i++)
		if (record->addresses[i].reserved)
			ret = ip_list_add(list, &record->addresses[i].address.addr);
	return ret;
}

static int release(struct store *store, const struct holder *holder,
		   enum holder_match format, const struct record *record,
		   size_t *ret_removed, struct cni_error *err)
{
	_cleanup_(ip_list_clear) struct ip_list list = {};
	size_t removed = 0, indexed;
	int first = 0;

	if (candidates(store, holder, format, record, &list, &indexed) < 0)
		return error_oom(err);
	for (size_t i = 0; i < list.n; i++) {
		int ret = holds(store, &list.items[i], holder, first ? NULL : err);
		bool held = ret > 0;

		/* The index and the file disagree: somebody changed the file in place. */
		if (ret >= 0 && held != (i < indexed))
			index_spoil(store);
		if (held) {
			removed++;
			ret = store_remove(store, &list.items[i], first ? NULL : err);
		}
		if (held && ret == 0)
			table_drop(&store->table, hash_of(holder, format),
				   &list.items[i]);
		if (ret < 0 && first == 0)
			first = ret;
	}
	*ret_removed = removed;
	return first;
}

int store_release(struct store *store, const struct holder *holder,
		  const struct record *record, size_t *ret_removed, struct cni_error *err)
{
	int ret;

	ret = release(store, holder, HOLDER_EXACT, record, ret_removed, err);
	if (ret < 0 || *ret_removed > 0)
		return ret;
	return release(store, holder, HOLDER_OLD, NULL, ret_removed, err);
}
