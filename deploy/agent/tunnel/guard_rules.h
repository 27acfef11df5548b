/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard's table without its elements: rules and counters. The rules are the same on
 * all nodes but for port, VNI, MAC address, and the lengths of the ranges' prefixes. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_GUARD_RULES_H
#define BRIDGE_CNI_AGENT_TUNNEL_GUARD_RULES_H

#include "guard_elements.h"

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

/* Puts a whole table, with its elements, in the place of one that may be any other, in one
 * transaction. What was counted is forgotten. Codes 100, 105. */
int guard_rules_exchange(const struct guard_spec *spec, struct cni_error *err);

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
