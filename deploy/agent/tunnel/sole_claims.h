/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds addresses and MAC addresses that several Nodes claim, although only one of them
 * can have it. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_SOLE_CLAIMS_H
#define BRIDGE_CNI_AGENT_TUNNEL_SOLE_CLAIMS_H

#include "conf/base/addr.h"

#define SOLE_BYTES 16

struct sole_claim {
	uint8_t bytes[SOLE_BYTES];
	uint32_t node; /* index into the node table */
};

/* Addresses of one list are of one family. */
struct sole_claims {
	struct sole_claim *items;
	size_t n;
};

/* Each adds a claim to a list that has room for it. */
void sole_claims_add_address(struct sole_claims *list, const struct ip_addr *addr,
			     uint32_t node);
void sole_claims_add_mac(struct sole_claims *list, const struct mac_addr *mac,
			 uint32_t node);

void sole_claims_sort(struct sole_claims *list);

/* Calls @fn for each claim of a sorted list that another one has the same bytes as. */
typedef void (*sole_claim_fn)(uint32_t node, void *data);
void sole_claims_shared(const struct sole_claims *list, sole_claim_fn fn, void *data);

/* Does a Node other than @node claim this in a sorted list? */
bool sole_claims_address_of_other(const struct sole_claims *list,
				  const struct ip_addr *addr, uint32_t node);
bool sole_claims_mac_of_other(const struct sole_claims *list, const struct mac_addr *mac,
			      uint32_t node);

#endif
