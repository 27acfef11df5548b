/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which address is next: round robin through a range set, in the order of host-local's
 * allocator (plugins/ipam/host-local/backend/allocator/allocator.go), so that both
 * programs make one sequence.
 */
#ifndef BRIDGE_CNI_IPAM_ALLOCATOR_H
#define BRIDGE_CNI_IPAM_ALLOCATOR_H

#include "store.h"

/* The range of @set that holds @ip between its start and end, or NULL. */
const struct ip_range *range_set_find(const struct range_set *set,
				      const struct ip_addr *ip);

/*
 * Addresses that no container is given: the gateways of all sets; the network address of
 * @range's subnet and, IPv4, its broadcast address (for IPv6, RFC 4291 section 2.6.1
 * gives the first address to the routers). What it is, for messages, or NULL.
 */
const char *address_excluded(const struct range_set_list *sets,
			     const struct ip_range *range, const struct ip_addr *ip);

/* A walk through a set, every address of it once, from the one after @last on. */
struct range_cursor {
	const struct range_set_list *sets;
	const struct range_set *set;
	size_t range; /* index in the set */
	struct ip_addr current; /* family 0: before the first range's start */
	struct ip_addr first; /* where the walk began and ends; family 0: not yet known */
};

/* @last: NULL, or where the previous reservation was; outside the set it is ignored. */
struct range_cursor range_cursor_start(const struct range_set_list *sets, size_t set,
				       const struct ip_addr *last);

/* False when every address was seen. Excluded ones are not shown. */
bool range_cursor_next(struct range_cursor *cursor, struct ip_addr *ret_ip);

/*
 * In which set is a requested address? Code 7 when in none, or when it is one that no
 * container is given. @key says in the message who asked.
 */
int allocator_find_set(const struct range_set_list *sets, const char *key,
		       const struct ip_addr *ip, size_t *ret_set, struct cni_error *err);

/*
 * Reserves @requested, or the next free address where it is NULL, of set number @set for
 * @owner. Code 102: the set is exhausted; 103: @requested is taken.
 */
int allocator_reserve(struct store *store, const struct range_set_list *sets, size_t set,
		      const struct owner *owner, const struct ip_addr *requested,
		      struct ip_config *ret_config, struct cni_error *err);

#endif
