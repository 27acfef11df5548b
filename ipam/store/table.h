/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index's data structure: reservations, found by the hash of their holder's text, and
 * which addresses are taken. What makes a table agree with a directory is index.h's.
 *
 * Nothing here fails in the middle. table_error() tells at the end that something could
 * not be read or written, and the table is then of no use.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_TABLE_H
#define BRIDGE_CNI_IPAM_STORE_TABLE_H

#include "conf/base/addr.h"
#include "file_mark.h"
#include "table_file.h"

struct table_entry {
	struct ip_addr ip;
	uint64_t holder; /* hash of the reservation's text */
	struct file_mark mark;
	uint32_t seen; /* number of the boot in which it was first seen */
};

/* Adds a reservation and takes its address. It must not be there. */
void table_add(struct table *table, const struct table_entry *entry);

/* Drops the holder's reservation of @ip, if it is there, and frees the address. */
void table_drop(struct table *table, uint64_t holder, const struct ip_addr *ip);

struct table_cursor {
	uint64_t holder;
	uint32_t seen; /* slots */
};

/* Gives a holder's reservations, one a call. The table must not change meanwhile. */
bool table_next(struct table *table, struct table_cursor *cursor,
		struct table_entry *ret_entry);

/* Gives all reservations, one a call, in no order. @cursor->holder is not used. */
bool table_each(struct table *table, struct table_cursor *cursor,
		struct table_entry *ret_entry);

/* Marks an address as taken, or as free. An address may be taken without a known
 * holder. */
void table_take(struct table *table, const struct ip_addr *ip);
void table_free(struct table *table, const struct ip_addr *ip);
bool table_is_taken(struct table *table, const struct ip_addr *ip);

/* Finds the first address from @from to @to (inclusive) that is not taken. */
bool table_next_free(struct table *table, const struct ip_addr *from,
		     const struct ip_addr *to, struct ip_addr *ret_ip);

/* Counts the taken addresses from @from to @to. */
size_t table_count(struct table *table, const struct ip_addr *from,
		   const struct ip_addr *to);

/* All taken addresses, in spans that don't touch, ascending; the caller frees
 * its items. -ENOMEM. */
int table_taken_spans(struct table *table, struct ip_span_list *ret_spans);

#endif
