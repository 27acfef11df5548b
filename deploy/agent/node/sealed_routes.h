/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "unreachable" routes to the podCIDRs of the cluster, behind all other routes to them.
 * Without these a packet for a pod of another node would leave by the default route, in
 * the clear, while there is no route to that node: because its key isn't known yet, or
 * because somebody has deleted the device. They have the agent's routing protocol number,
 * and a metric of their own.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_SEALED_ROUTES_H
#define BRIDGE_CNI_AGENT_NODE_SEALED_ROUTES_H

#include "conf/network.h"
#include "kernel_routes.h"

/* The metric. A route that leads to the same destination has a lower one. */
#define SEALED_METRIC UINT32_C(4000000000)

/*
 * Makes these routes be those to @wanted, sorted by address, in the main table. Others are
 * left alone. @stay: what was closed stays so when no Node has that podCIDR any more, for
 * its pods may run on, and others may still send to them. Codes 100, 101.
 */
int sealed_routes_sync(struct netlink *nl, const struct prefix_list *wanted, bool stay,
		       struct cni_error *err);

#endif
