/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the table: its slots, by number. table_file.c reads and writes them, table.c finds
 * reservations in them, table_addresses.c addresses.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_TABLE_FILE_H
#define BRIDGE_CNI_IPAM_STORE_TABLE_FILE_H

#include "table.h"

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
_Static_assert(sizeof(struct table_slot) == 64, "a slot's size");
_Static_assert(sizeof(struct table_header) == sizeof(struct table_slot), "slot 0");
_Static_assert((TABLE_SLOTS_MIN + 1) * sizeof(struct table_slot) % TABLE_PAGE == 0,
	       "a table has whole pages");

enum {
	SLOT_FREE,
	SLOT_ENTRY,
	SLOT_CHUNK,
};

/* A copy of slot @i; free where it can't be read. */
struct table_slot table_slot_get(struct table *table, uint32_t i);
void table_slot_set(struct table *table, uint32_t i, const struct table_slot *slot);
/* Where a probe for this slot's key begins. */
uint32_t table_slot_home(const struct table *table, const struct table_slot *slot);
void table_slot_insert(struct table *table, const struct table_slot *slot);
/* Removes slot @i and moves up those behind it that belong before it. */
void table_slot_erase(struct table *table, uint32_t i);

#endif
