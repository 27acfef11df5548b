/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's routes of one family, the agent's apart from foreign ones. */
#ifndef BRIDGE_CNI_AGENT_NODE_KERNEL_ROUTES_H
#define BRIDGE_CNI_AGENT_NODE_KERNEL_ROUTES_H

#include "plugin/netlink/route.h"

/* `ip route show proto 98`. Neither the kernel nor a known daemon uses this number. */
#define ROUTE_PROTOCOL 98

/* The metrics of sealed routes (sealed_routes.h): of those to podCIDRs, and of those to all
 * else. The agent's other routes to the same destination have a lower one, and so are used
 * first. */
#define SEALED_METRIC	    UINT32_C(4000000000)
#define SEALED_METRIC_WHOLE UINT32_C(4000000001)

/* Is it one of the agent's routes to a pod of this node (former_gateways.h)? Those count
 * as foreign below. */
bool kernel_route_is_pods(const struct kernel_route *route);

/* A route with several next hops has no single interface: it is here once, as if it had
 * none. Routes that refuse or drop are here, too, and have none; but not the agent's
 * sealed ones (sealed_routes.h). */
struct kernel_routes {
	struct kernel_route_list list; /* foreign ones first, then ours; by destination */
	size_t foreign; /* how many are foreign */
};

/* @family: AF_INET or AF_INET6. Codes 100, 101. */
int kernel_routes_read(struct netlink *nl, int family, struct kernel_routes *ret_routes,
		       struct cni_error *err);
void kernel_routes_clear(struct kernel_routes *routes);

/* <0, 0, >0, by destination. */
int kernel_route_cmp(const struct kernel_route *a, const struct kernel_route *b);

/* Our route to @dst; NULL: there is none. */
const struct kernel_route *kernel_routes_ours(const struct kernel_routes *routes,
					      const struct ip_prefix *dst);

/* The foreign route that a packet to @addr would take; NULL: there is none. */
const struct kernel_route *kernel_routes_look_up(const struct kernel_routes *routes,
						 const struct ip_addr *addr);

/* Has somebody else a route to this destination? */
bool kernel_routes_taken(const struct kernel_routes *routes, const struct ip_prefix *dst);

#endif
