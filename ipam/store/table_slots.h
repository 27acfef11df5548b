/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the table: its slots, an open-addressed hash table. A slot is free, a
 * reservation, or a chunk of 256 neighbouring addresses, of which it says which are
 * taken.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_TABLE_SLOTS_H
#define BRIDGE_CNI_IPAM_STORE_TABLE_SLOTS_H

#include "table_file.h"

struct table_slot {
	uint8_t kind; /* SLOT_… */
	uint8_t family; /* 4 or 6 */
	uint16_t reserved;
	uint32_t seen;
	uint8_t addr[16]; /* of a chunk: the first of its 256 */
	union {
		struct {
			uint64_t holder, inode;
			int64_t mtime_sec;
			uint32_t mtime_nsec, reserved2;
		};
		uint8_t taken[32]; /* bit n % 8 of byte n / 8: address n of the chunk */
	};
	uint64_t reserved3;
};
_Static_assert(sizeof(struct table_slot) == TABLE_SLOT_SIZE, "a slot's size");

enum {
	SLOT_FREE,
	SLOT_ENTRY, /* a reservation */
	SLOT_CHUNK,
};

/* A copy of slot @i; a free one where it can't be read. */
static inline struct table_slot table_slot_get(struct table *table, uint32_t i)
{
	struct table_slot slot;

	table_file_get(table, i, &slot);
	return slot;
}

static inline void table_slot_set(struct table *table, uint32_t i,
				  const struct table_slot *slot)
{
	table_file_set(table, i, slot);
}

/* The number of the slot where a probe for this slot's key begins. */
uint32_t table_slot_home(const struct table *table, const struct table_slot *slot);

/* Puts @slot into the table, which grows where it is three quarters full. */
void table_slot_insert(struct table *table, const struct table_slot *slot);

/* Removes slot @i and moves up those behind it that belong before it. */
void table_slot_erase(struct table *table, uint32_t i);

#endif
