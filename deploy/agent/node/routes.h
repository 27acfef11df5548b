/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A route to every other node's accepted podCIDRs through that node's InternalIP, in the
 * main table. Such routes have a routing protocol number of their own: a route with
 * another number is somebody else's and never touched. The kernel's table is read each
 * time; nothing is remembered of what was written.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_ROUTES_H
#define BRIDGE_CNI_AGENT_NODE_ROUTES_H

#include "deploy/agent/api/node_table.h"
#include "deploy/agent/api/surroundings.h"
#include "kernel_routes.h"

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
	ROUTE_BY_KERNEL, /* the kernel has no route by its InternalIP */
	ROUTE_PROBLEMS, /* how many there are */
};
/* As metrics and the log call them, indexed by enum route_problem. */
extern const char *const route_problem_names[ROUTE_PROBLEMS];

/* Is told of each node and family for which there is no route. @cidr: family 0 with
 * ROUTE_NO_CIDR. */
typedef void (*route_problem_fn)(const struct cluster_node *node,
				 const struct ip_prefix *cidr, enum route_problem problem,
				 void *data);

struct routes_done {
	size_t wanted; /* routes that there are now, or should be */
	size_t added, changed, removed;
	size_t problems[ROUTE_PROBLEMS]; /* how often each was met */
};

/*
 * Makes the agent's routes be those to all of @nodes but the one named @own. Problems go
 * to @fn; the other nodes' routes are made all the same. A route that the
 * kernel can't have is a problem of its Node alone. Code 101: it refused one for another
 * reason, and the rest was tried, too; 100. @ret_done is set after an error, too.
 */
int routes_sync(struct netlink *nl, const struct node_table *nodes, const char *own,
		route_problem_fn fn, void *data, struct routes_done *ret_done,
		struct cni_error *err);

/*
 * Removes those routes of the agent that lead away what @around protects, whatever the
 * cluster's Nodes say: the API server may be out of reach because of them. Codes 100,
 * 101.
 */
int routes_remove_over(struct netlink *nl, const struct surroundings *around,
		       size_t *ret_removed, struct cni_error *err);

/* Removes all routes of the agent. Codes 100, 101. */
int routes_remove(struct netlink *nl, size_t *ret_removed, struct cni_error *err);

#endif
