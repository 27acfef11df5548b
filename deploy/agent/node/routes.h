/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A route to every other node's accepted podCIDRs, through that node's InternalIP where
 * both share a link, or by a tunnel, in the main table. Such routes have a routing
 * protocol number of their own: a route with another number is somebody else's and never
 * touched.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_ROUTES_H
#define BRIDGE_CNI_AGENT_NODE_ROUTES_H

#include "deploy/agent/api/node_table.h"
#include "deploy/agent/api/route_problem.h"
#include "deploy/agent/api/surroundings.h"
#include "deploy/agent/tunnel/tunnel_plan.h"
#include "routes_known.h"

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

/* An outcome of routes_sync(). */
#define ROUTES_AGAIN 1

/*
 * Makes the agent's routes be those to all of @nodes but the one named @own. @plan: of
 * the same nodes; NULL: there is no tunnel. Problems go to @fn; the other nodes' routes
 * are made all the same. A route that the kernel can't have is a problem of its Node
 * alone. Code 101: it refused one for another reason, and the rest was tried, too; 100.
 * @ret_done is set after an error, too.
 * @known: what the kernel has, by family; where that isn't valid the kernel is asked.
 * ROUTES_AGAIN: it was valid, but the kernel has refused a route. It is to be done again,
 * and the kernel will be asked.
 */
int routes_sync(struct netlink *nl, const struct node_table *nodes, const char *own,
		const struct tunnel_plan *plan, struct routes_known known[IP_FAMILIES],
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
