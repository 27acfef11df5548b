/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sealed routes: "unreachable" routes to the podCIDRs of the cluster, behind all other
 * routes to them. Without them a packet for a pod of another node would leave by the
 * default route, in the clear, while there is no route to that node: because its key
 * isn't known yet, or because somebody has deleted the device. They have the agent's
 * routing protocol number, and a metric of their own.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_SEALED_ROUTES_H
#define BRIDGE_CNI_AGENT_NODE_SEALED_ROUTES_H

#include "conf/network.h"
#include "kernel_routes.h"

/* The metric of these routes. The agent's other routes to the same destination have a
 * lower one, and so are used first. */
#define SEALED_METRIC UINT32_C(4000000000)

/*
 * Makes the sealed routes in the main table be those to @wanted, which is sorted by
 * address. Other routes are left alone. @stay: a sealed route to another range stays,
 * because pods of a podCIDR that no Node has any more may run on, and others may still
 * send to them. Codes 100, 101.
 */
int sealed_routes_sync(struct netlink *nl, const struct prefix_list *wanted, bool stay,
		       struct cni_error *err);

#endif
