/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard's table without its elements: rules, sets, counters. The rules are the same
 * on all nodes but for port, VNI and MAC address. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_GUARD_RULES_H
#define BRIDGE_CNI_AGENT_TUNNEL_GUARD_RULES_H

#include "guard_spec.h"
#include "plugin/netlink/netlink.h"
#include "plugin/netlink/nf_tables_element.h"

#define GUARD_TABLE "bridge_cni_tunnel"

/*
 * Sets of intervals. An element is two addresses, the second one a range. The names say
 * their families: in sources_64_a are the IPv4 ranges of nodes that send from an IPv6
 * address whose last four bits are 0xa. The kernel copies a whole set for each change,
 * and takes 13 ms to delete the last one of 5,000 elements: so there are many sets. In
 * own_4 and own_6 are this node's ranges; the first part is the family there, as only
 * intervals of concatenations are one element each.
 */
#define GUARD_SHARDS 16
#define GUARD_SETS   (4 * GUARD_SHARDS + 2)
enum guard_set {
	GUARD_SOURCES_44 = 0,
	GUARD_SOURCES_46 = GUARD_SHARDS,
	GUARD_SOURCES_64 = 2 * GUARD_SHARDS,
	GUARD_SOURCES_66 = 3 * GUARD_SHARDS,
	GUARD_OWN_4 = 4 * GUARD_SHARDS,
	GUARD_OWN_6,
};

void guard_set_name(enum guard_set set, char ret_name[NFT_SET_NAME_MAX]);

/* The reasons for which packets are dropped, in the order of their names. */
enum guard_reason {
	GUARD_DESTINATION, /* this node has no such pod */
	GUARD_FRAME, /* no IP, another MAC address, not whole */
	GUARD_NEIGHBOUR, /* neighbour discovery, redirects, multicast listeners */
	GUARD_POD, /* a pod of this node sends what only the node's device may send */
	GUARD_SOURCE, /* no pod of the node that sent it */
	GUARD_REASONS
};
extern const char *const guard_reason_names[GUARD_REASONS];

/* Makes the table, dormant and with empty sets; there must be none. Codes 100, 105. */
int guard_rules_make(const struct guard_spec *spec, struct cni_error *err);

/* Replaces all rules of a table that has its sets, in one transaction. Codes 100, 105. */
int guard_rules_replace(const struct guard_spec *spec, struct cni_error *err);

enum guard_rules_state {
	GUARD_RULES_SAME,
	GUARD_RULES_DIFFER, /* in some rule, or in their order */
	/* The rules are those of a version with other sets; or there is none that tells. */
	GUARD_SETS_DIFFER,
};

/* Tells by the comments of the kernel's rules whether the table is that of @spec. Codes
 * 100, 101. */
int guard_rules_compare(struct netlink *nft, const struct guard_spec *spec,
			struct cni_error *err);

#endif
