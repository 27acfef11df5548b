/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A route to every other node's podCIDRs through that node's InternalIP, in the main table,
 * under a routing protocol number of our own: what has another is somebody else's and never
 * touched. The kernel's table is read whenever something may have changed; nothing is
 * remembered of what was written.
 */
#ifndef BRIDGE_CNI_AGENT_ROUTES_H
#define BRIDGE_CNI_AGENT_ROUTES_H

#include "plugin/netlink/rtnetlink.h"
#include "deploy/agent/api/node_table.h"

/* `ip route show proto 98`; not one that the kernel or a known daemon uses. */
#define ROUTE_PROTOCOL 98

/* Why a node's pods can't be routed to. */
enum route_problem {
	ROUTE_FINE,
	ROUTE_NO_CIDR, /* it has no podCIDR (yet) */
	ROUTE_NO_ADDRESS, /* it has no InternalIP of the podCIDR's family */
	ROUTE_NOT_ON_LINK, /* its InternalIP is behind a router */
	ROUTE_TAKEN, /* there is a route of somebody else to that podCIDR */
	ROUTE_OVERLAP, /* its podCIDR is this node's, or another's, or has its own address */
	ROUTE_OWN_ADDRESS, /* its InternalIP is this node's: one of the two Nodes is stale */
	ROUTE_PROBLEMS,
};
extern const char *const route_problem_names[ROUTE_PROBLEMS];

/* Called for each node and family where there is one. */
typedef void (*route_problem_fn)(const struct cluster_node *node,
				 const struct ip_prefix *cidr, const struct ip_addr *gw,
				 enum route_problem problem, void *data);

struct routes_done {
	size_t wanted, added, changed, removed;
	size_t problems[ROUTE_PROBLEMS];
	unsigned int uplink; /* an interface that routes leave by; 0: none */
};

/*
 * Makes our routes be those to all nodes but @own. Problems go to @fn; the others' routes
 * are made all the same. Code 101 where the kernel refuses one; then the rest was tried, too.
 */
int routes_sync(struct netlink *nl, const struct node_table *nodes, const char *own,
		route_problem_fn fn, void *data, struct routes_done *ret_done,
		struct cni_error *err);

/* Removes all of ours. */
int routes_remove(struct netlink *nl, size_t *ret_removed, struct cni_error *err);

#endif
