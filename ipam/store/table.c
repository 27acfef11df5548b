/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hash table: probing, insertion, growth, removal, and the reservations in it. Linear
 * probing without tombstones: what is removed leaves no trace to probe past.
 */
#include "table_file.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/identity.h"

static uint64_t chunk_number(const struct table_slot *slot)
{
	uint64_t number = 0;

	for (unsigned int i = 0; i < (slot->family == 4 ? 3 : 15); i++)
		number = number << 8 | slot->addr[i]; /* an IPv6 one's highest bits go */
	return number;
}

/*
 * Chunks of 16,384 neighbouring addresses stand side by side: a search for a free one
 * reads the few pages that have all of them.
 */
uint32_t table_slot_home(const struct table *table, const struct table_slot *slot)
{
	uint64_t number, group;

	if (slot->kind == SLOT_ENTRY)
		return (uint32_t)(slot->holder % table->head.slots);
	number = chunk_number(slot);
	group = number >> 6;
	return (uint32_t)((hash_bytes(&group, sizeof(group)) + (number & 63)) %
			  table->head.slots);
}

static void insert_into(struct table *table, const struct table_slot *slot)
{
	uint32_t i = table_slot_home(table, slot);

	for (uint32_t n = 0; n < table->head.slots; n++) {
		if (table_slot_get(table, i).kind == SLOT_FREE) {
			table_slot_set(table, i, slot);
			table->head.used++;
			return;
		}
		i = (i + 1) % table->head.slots;
	}
	if (table->error == 0)
		table->error = -EBADMSG; /* it counts less than it has */
}

/* Into one of twice the size, in memory until it is saved. */
static void grow(struct table *table)
{
	struct table grown;
	int ret;

	ret = table_make((size_t)table->head.slots + 1, &grown);
	if (ret < 0) {
		if (table->error == 0)
			table->error = ret;
		return;
	}
	for (uint32_t i = 0; i < table->head.slots; i++) {
		struct table_slot slot = table_slot_get(table, i);

		if (slot.kind != SLOT_FREE)
			insert_into(&grown, &slot);
	}
	grown.error = grown.error ? grown.error : table->error;
	grown.head.boots = table->head.boots;
	grown.head.stamp = table->head.stamp;
	grown.head.directory = table->head.directory;
	grown.head.boot = table->head.boot;
	grown.head.full = table->head.full;
	table_close(table);
	*table = grown;
}

void table_slot_insert(struct table *table, const struct table_slot *slot)
{
	if ((uint64_t)table->head.used * 4 >= (uint64_t)table->head.slots * 3)
		grow(table);
	insert_into(table, slot);
}

void table_slot_erase(struct table *table, uint32_t i)
{
	const struct table_slot nothing = {};
	uint32_t slots = table->head.slots, k = i;

	for (uint32_t n = 1; n < slots; n++) {
		struct table_slot slot;
		uint32_t home;

		k = (k + 1) % slots;
		slot = table_slot_get(table, k);
		if (slot.kind == SLOT_FREE)
			break;
		home = table_slot_home(table, &slot);
		/* Stays where its home lies behind the gap, in the circle. */
		if (i <= k ? i < home && home <= k : i < home || home <= k)
			continue;
		table_slot_set(table, i, &slot);
		i = k;
	}
	table_slot_set(table, i, &nothing);
	table->head.used -= table->head.used > 0;
}

static struct table_entry entry_of(const struct table_slot *slot)
{
	struct table_entry entry = {
		.ip.family = slot->family == 4 ? AF_INET : AF_INET6,
		.holder = slot->holder,
		.mark = {slot->inode, slot->mtime_sec, slot->mtime_nsec},
		.seen = slot->seen,
	};

	memcpy(entry.ip.bytes, slot->addr, sizeof(slot->addr));
	return entry;
}

void table_add(struct table *table, const struct table_entry *entry)
{
	struct table_slot slot = {
		.kind = SLOT_ENTRY,
		.family = entry->ip.family == AF_INET ? 4 : 6,
		.seen = entry->seen,
		.holder = entry->holder,
		.inode = entry->mark.inode,
		.mtime_sec = entry->mark.mtime_sec,
		.mtime_nsec = entry->mark.mtime_nsec,
	};

	memcpy(slot.addr, entry->ip.bytes, sizeof(slot.addr));
	table_slot_insert(table, &slot);
	table_take(table, &entry->ip);
}

static bool next_of_holder(struct table *table, struct table_cursor *cursor,
			   struct table_entry *ret_entry, uint32_t *ret_i)
{
	while (cursor->seen < table->head.slots) {
		uint32_t i =
			(uint32_t)((cursor->holder % table->head.slots + cursor->seen++) %
				   table->head.slots);
		struct table_slot slot = table_slot_get(table, i);

		if (slot.kind == SLOT_FREE)
			break;
		if (slot.kind != SLOT_ENTRY || slot.holder != cursor->holder)
			continue;
		*ret_entry = entry_of(&slot);
		*ret_i = i;
		return true;
	}
	return false;
}

bool table_next(struct table *table, struct table_cursor *cursor,
		struct table_entry *ret_entry)
{
	uint32_t i;

	return next_of_holder(table, cursor, ret_entry, &i);
}

void table_drop(struct table *table, uint64_t holder, const struct ip_addr *ip)
{
	struct table_cursor cursor = {.holder = holder};
	struct table_entry entry;
	uint32_t i;

	while (next_of_holder(table, &cursor, &entry, &i)) {
		if (!ip_equal(&entry.ip, ip))
			continue;
		table_slot_erase(table, i);
		break;
	}
	table_free(table, ip);
}

bool table_each(struct table *table, struct table_cursor *cursor,
		struct table_entry *ret_entry)
{
	while (cursor->seen < table->head.slots) {
		struct table_slot slot = table_slot_get(table, cursor->seen++);

		if (slot.kind != SLOT_ENTRY)
			continue;
		*ret_entry = entry_of(&slot);
		return true;
	}
	return false;
}
