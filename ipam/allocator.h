/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which address is next: round robin through a range set, in the order of host-local's
 * allocator (plugins/ipam/host-local/backend/allocator/allocator.go), so that both
 * programs make one sequence.
 */
#ifndef BRIDGE_CNI_IPAM_ALLOCATOR_H
#define BRIDGE_CNI_IPAM_ALLOCATOR_H

#include "ipam/store/store.h"

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

/*
 * In which set is a requested address? Code 7 when in none, or when it is one that no
 * container is given. @key says in the message who asked.
 */
int allocator_find_set(const struct range_set_list *sets, const char *key,
		       const struct ip_addr *ip, size_t *ret_set, struct cni_error *err);

/*
 * The next free address of set number @set, from the one after @last on (family 0, or
 * outside the set: from the start), once round. -EADDRNOTAVAIL with code 102: none.
 */
int allocator_next(struct store *store, const struct range_set_list *sets, size_t set,
		   const struct ip_addr *last, struct ip_addr *ret_ip,
		   struct cni_error *err);

/* Is @ip, which somebody asked for, free? Code 103 names who has it. */
int allocator_requested(struct store *store, const struct ip_addr *ip,
			struct cni_error *err);

/* How many addresses of a set are taken. */
size_t range_set_taken(struct store *store, const struct range_set *set);

#endif
