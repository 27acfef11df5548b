/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sealed routes: "unreachable" routes to the podCIDRs of the cluster, behind all other
 * routes to them. Without them a packet for a pod of another node would leave by the
 * default route, in the clear, while there is no route to that node: because its key
 * isn't known yet, or because somebody has deleted the device. They have the agent's
 * routing protocol number, and metrics of their own (kernel_routes.h).
 */
#ifndef BRIDGE_CNI_AGENT_NODE_SEALED_ROUTES_H
#define BRIDGE_CNI_AGENT_NODE_SEALED_ROUTES_H

#include "conf/network.h"
#include "kernel_routes.h"

/* The destinations of sealed routes; borrowed, and each list is sorted by address. */
struct sealed_prefixes {
	struct prefix_list cidrs; /* podCIDRs */
	/* A sealed route to another podCIDR stays, because pods of a podCIDR that no Node
	 * has any more may run on, and others may still send to them. */
	bool stay;
	/* Where the addresses of all pods are, also those of Nodes that aren't known yet.
	 * A sealed route to another prefix of this kind goes. */
	struct prefix_list whole;
};

/* Makes the sealed routes in the main table be those to @prefixes. Other routes are left
 * alone. Codes 100, 101. */
int sealed_routes_sync(struct netlink *nl, const struct sealed_prefixes *prefixes,
		       struct cni_error *err);

#endif
