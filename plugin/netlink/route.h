/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routes over rtnetlink. The queue_ functions add a change to the connection's queue, which
 * netlink_commit() carries out: what goes wrong is told there. The others ask the kernel and
 * return its answer; they fail with code 101. See rtnetlink(7), linux/rtnetlink.h.
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
 * Through interface @index; by @route->gw, or on the link where it has none. @exclusive:
 * refused (-EEXIST) where there is one to the same destination with the same metric; IPv4's
 * goes before it otherwise, IPv6's becomes another next hop of it.
 */
void queue_route_add(struct netlink *nl, unsigned int index, const char *name,
		     const struct route *route, bool exclusive);

/* A next hop of a route of the main table or another one, as the kernel has it. */
struct kernel_route {
	struct route route; /* gw: of either family */
	unsigned int index; /* of the interface; 0: none */
	uint8_t protocol; /* RTPROT_* */
	uint8_t type; /* RTN_UNICAST, or RTN_ of one that refuses or drops */
	uint32_t nexthop; /* the number of a nexthop object that it leads by; 0: none */
	size_t hop,
		hops; /* this is number hop, from 0 on, of so many; each has an entry */
};
struct kernel_route_list {
	struct kernel_route *items;
	size_t n;
};

/*
 * A route of the main table by a gateway, of @wanted's protocol. Unless @replace, one that is
 * there is refused (-EEXIST), whoever made it; with it, what has the destination and the
 * metric gives way at once. And the removal of one that a route_list_get() has told of.
 */
void queue_route_set(struct netlink *nl, const struct kernel_route *wanted, bool replace);
void queue_route_del(struct netlink *nl, const struct kernel_route *route);

/* The next hops of a route stand one behind the other. Of routes that lead somewhere. */
int route_list_get(struct netlink *nl, int family, struct kernel_route_list *ret_list,
		   struct cni_error *err);
/* The same, with routes that refuse or drop. */
int route_list_get_all(struct netlink *nl, int family, struct kernel_route_list *ret_list,
		       struct cni_error *err);
void kernel_route_list_clear(struct kernel_route_list *list);

/*
 * The route, a next hop an entry, by which the namespace would send to @addr: the entry of
 * the routing table, so that all next hops are told. None where nothing is sent there, or where
 * it is the namespace's own.
 */
int route_to(struct netlink *nl, const struct ip_addr *addr,
	     struct kernel_route_list *ret_list, struct cni_error *err);

#endif
