/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decides which Nodes' podCIDRs are used. Whoever may write a Node, or has taken over one
 * machine, could otherwise lead away what goes to other pods, to nodes, to the API server
 * or to the outside. Routes and the configuration list see accepted podCIDRs alone.
 */
#ifndef BRIDGE_CNI_AGENT_API_POD_RANGES_H
#define BRIDGE_CNI_AGENT_API_POD_RANGES_H

#include "range_refusal.h"

/*
 * Judges all podCIDRs and InternalIPs of the table, notes the verdicts in it, and brings its
 * orders up to date. It says
 * the same whatever the order in which the Nodes came, but for this: of several Nodes
 * that are in each other's way, what was accepted the last time stays accepted; at the
 * first time, what this node already has a route to; else the Node that was made first,
 * then the first by name. Of a Node's InternalIPs the first one is a gateway, and judged;
 * the others are only kept out of podCIDRs that are new. @fn is told of each refused
 * podCIDR. Code 100: the verdicts are not to be used.
 *
 * Besides, it notes which former podCIDRs (former_ranges.h) are routed: while nothing
 * that speaks against a podCIDR speaks against it, no Node has an accepted podCIDR with
 * addresses of it, and the Node of that name has the same InternalIP. One of a Node that
 * is gone is forgotten after five minutes: the cluster deletes its pods before. One of
 * this node itself is forgotten at once, as it has no route.
 */
int pod_ranges_judge(struct node_table *nodes, const struct range_rules *rules,
		     range_refusal_fn fn, void *data, struct cni_error *err);

#endif
