/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routes over rtnetlink. The queue_ functions add a change to the connection's queue,
 * which netlink_commit() carries out: what goes wrong is told there. The others ask the
 * kernel and return its answer; they fail with code 101. See rtnetlink(7),
 * linux/rtnetlink.h.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_ROUTE_H
#define BRIDGE_CNI_PLUGIN_NETLINK_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"
#include "conf/cni_result.h"
#include "netlink.h"

/*
 * Adds a route through interface @index, by @route->gw, or on the link where that is not
 * set. If there is a route to the same destination with the same metric, the message is
 * refused with @exclusive (-EEXIST). Without it, an IPv4 route goes before that one, and
 * an IPv6 route becomes another next hop of it.
 */
void queue_route_add(struct netlink *nl, unsigned int index, const char *name,
		     const struct route *route, bool exclusive);

/* A next hop of a route of the main table or another one, as the kernel has it. */
struct kernel_route {
	struct route route; /* gw: of either family */
	struct ip_addr source; /* that the node sends with by it; family 0: any */
	unsigned int index; /* of the interface; 0: none */
	uint8_t protocol; /* RTPROT_* */
	/* RTN_UNICAST, which 0 stands for when it is written, or RTN_ of one that refuses
	 * or drops. */
	uint8_t type;
	/* The gateway counts as one on the link, whatever networks that has. For
	 * queue_route_set() alone: it isn't read. */
	bool onlink;
	uint32_t nexthop; /* the number of a nexthop object that it leads by; 0: none */
	size_t hop,
		/* the route has so many next hops, each with an entry; this is number
		 * hop, from 0 on */
		hops;
};
struct kernel_route_list {
	struct kernel_route *items;
	size_t n;
};

/*
 * Adds a route of the main table, with the protocol and the source of @wanted, by a
 * gateway or, where it has none, on the link. If there is a route with this destination
 * and metric, whoever made it, the message is refused (-EEXIST); with @replace that route
 * gives way in the same moment. queue_route_del() removes a route that route_list_get()
 * has listed.
 */
void queue_route_set(struct netlink *nl, const struct kernel_route *wanted, bool replace);
void queue_route_del(struct netlink *nl, const struct kernel_route *route);

/* Lists the routes that lead somewhere. The next hops of a route stand one behind the
 * other. */
int route_list_get(struct netlink *nl, int family, struct kernel_route_list *ret_list,
		   struct cni_error *err);
/* Lists the routes that refuse or drop, too. */
int route_list_get_all(struct netlink *nl, int family, struct kernel_route_list *ret_list,
		       struct cni_error *err);
void kernel_route_list_clear(struct kernel_route_list *list);

/*
 * Gives the route by which the namespace would send to @addr, with an entry for each next
 * hop: it is the route of the routing table, not the decision for one packet. The list is
 * empty where the namespace sends nothing there, or where @addr is its own.
 */
int route_to(struct netlink *nl, const struct ip_addr *addr,
	     struct kernel_route_list *ret_list, struct cni_error *err);

#endif
