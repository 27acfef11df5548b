/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which address is next? The search goes round robin through a range set, in the order of
 * host-local's allocator (plugins/ipam/host-local/backend/allocator/allocator.go), so
 * that both programs make one sequence. The store's index must be open.
 */
#ifndef BRIDGE_CNI_IPAM_ALLOCATOR_H
#define BRIDGE_CNI_IPAM_ALLOCATOR_H

#include "ipam/store/store.h"

/* Gives the range of @set that has @ip between its start and end, or NULL. */
const struct ip_range *range_set_find(const struct range_set *set,
				      const struct ip_addr *ip);

/* Counts the addresses of the range that are never given to a container. */
size_t range_excluded(const struct range_set_list *sets, const struct ip_range *range);

/* Finds the set that a requested address is of. Code 7: it is in none, or it is never
 * given to a container. @key says in the message who asked. */
int allocator_find_set(const struct range_set_list *sets, const char *key,
		       const struct ip_addr *ip, size_t *ret_set, struct cni_error *err);

/*
 * Finds the next free address of set number @set. The search starts behind @last (or at
 * the start, where @last has family 0 or is outside of the set) and goes once round. Code
 * 102 (-EADDRNOTAVAIL): there is none.
 */
int allocator_next(struct store *store, const struct range_set_list *sets, size_t set,
		   const struct ip_addr *last, struct ip_addr *ret_ip,
		   struct cni_error *err);

/* Is @ip, which somebody asked for, free? An empty file in its place is removed. Code 103
 * names who has it; code 5. */
int allocator_requested(struct store *store, const struct ip_addr *ip,
			struct cni_error *err);

#endif
