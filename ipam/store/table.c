/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reservations in the table. */
#include "table.h"

#include <string.h>
#include <sys/socket.h>

#include "table_slots.h"

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
