/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probing, insertion, growth and removal of the hash table. It probes linearly and has no
 * tombstones: a removed slot leaves no trace to probe past.
 */
#include "table_slots.h"

#include <errno.h>

#include "conf/identity.h"

static uint64_t chunk_number(const struct table_slot *slot)
{
	uint64_t number = 0;

	for (unsigned int i = 0; i < (slot->family == 4 ? 3 : 15); i++)
		number = number << 8 |
			 slot->addr[i]; /* an IPv6 address's highest bits go */
	return number;
}

/* Chunks of 16,384 neighbouring addresses stand side by side, so that a search for a free
 * address reads the few pages that have all of them. */
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
		table->error = -EBADMSG; /* the header counts fewer than there are */
}

/* Moves everything into a table of twice the size, which is in memory until
 * it is saved. */
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
		/* A slot whose home lies behind the gap, in the circle, stays. */
		if (i <= k ? i < home && home <= k : i < home || home <= k)
			continue;
		table_slot_set(table, i, &slot);
		i = k;
	}
	table_slot_set(table, i, &nothing);
	table->head.used -= table->head.used > 0;
}
