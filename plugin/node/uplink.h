/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interfaces by which the node's own packets to the world leave. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_UPLINK_H
#define BRIDGE_CNI_PLUGIN_NODE_UPLINK_H

#include "plugin/netlink/link.h"

/* Gives the smallest MTU, in bytes, of the interfaces that the family's preferred default
 * route leads through, by any of its next hops; 0: there is no such route. Code 101. */
int uplink_mtu(struct netlink *nl, int family, uint32_t *ret_mtu, struct cni_error *err);

/*
 * Gives the interface that IPv4's preferred default route of the main table leads
 * through, or IPv6's where IPv4 has none; by its first next hop. @ret_link->index is 0
 * where there is no such route. Code 101.
 */
int uplink_default(struct netlink *nl, struct link *ret_link, struct cni_error *err);

/*
 * Two addresses of the world, which stand for all of them: no packet is sent there. They
 * are far apart, and none of those that are set aside for documents (RFC 5737, RFC 3849),
 * which nodes drop with other addresses that nobody may have.
 */
#define WORLD_EXAMPLES 2
const struct ip_addr *world_example(int family, size_t i);

/*
 * Lists the interfaces through which the node sends to the world. The kernel is asked for
 * the route to the first example, which costs the same among thousands of routes. The
 * list is empty where there is no route. Code 101.
 */
int uplink_list_get(struct netlink *nl, int family, struct link_list *ret_list,
		    struct cni_error *err);

/*
 * Lists the interfaces through which the node sends to the world what @pod sends, which
 * comes in by the interface @in: rules of ip-rule(8) may lead it by others than the
 * node's own packets. The list is the node's own where @in is 0 (there is no bridge yet)
 * or the kernel refuses the packet. Code 101.
 */
int uplink_list_of_pod(struct netlink *nl, const struct ip_addr *pod, unsigned int in,
		       struct link_list *ret_list, struct cni_error *err);

#endif
