/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reasons why this node has no route to another node's pods. Where there are several,
 * the one that is found first is told. */
#ifndef BRIDGE_CNI_AGENT_API_ROUTE_PROBLEM_H
#define BRIDGE_CNI_AGENT_API_ROUTE_PROBLEM_H

#include "range_verdict.h"

/* Why there is no route to a node's pods. */
enum route_problem {
	ROUTE_FINE,
	ROUTE_NO_CIDR, /* it has no podCIDR (yet) */
	ROUTE_NO_ADDRESS, /* it has no InternalIP of the podCIDR's family */
	ROUTE_NOT_ON_LINK, /* its InternalIP is behind a router */
	ROUTE_TAKEN, /* somebody else has a route to that podCIDR */
	ROUTE_REFUSED, /* its podCIDR isn't used (pod_ranges.h) */
	ROUTE_OWN_ADDRESS, /* its InternalIP is this node's: one of the Nodes is stale */
	ROUTE_BAD_ADDRESS, /* its InternalIP is no host's */
	ROUTE_ADDRESS_OF_PODS, /* its InternalIP is in a node's podCIDR */
	ROUTE_SHARED_ADDRESS, /* its InternalIP is also another Node's */
	ROUTE_NO_COMMON_FAMILY, /* no InternalIP of a family that this node has, too */
	ROUTE_SAME_MAC, /* its device's MAC address is also another node's */
	ROUTE_FLANNEL, /* its annotations of flannel can't be used; the log says why */
	ROUTE_NO_KEY, /* it says no WireGuard key (yet) */
	ROUTE_BAD_KEY, /* what it says is no key */
	ROUTE_SHARED_KEY, /* its key is also another Node's, or this node's */
	ROUTE_NO_TUNNEL, /* this node's own tunnel isn't there; the log says why */
	ROUTE_BY_KERNEL, /* the kernel has no route by its InternalIP */
	ROUTE_PROBLEMS, /* how many there are */
} __attribute__((packed));
/* As metrics and the log call them, indexed by enum route_problem. */
extern const char *const route_problem_names[ROUTE_PROBLEMS];

/* The problem that the verdict on a Node's InternalIP means; ROUTE_FINE: none. */
enum route_problem route_problem_of_address(enum address_verdict verdict);

#endif
