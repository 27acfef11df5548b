/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a network namespace would send a packet to an address. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_FIB_H
#define BRIDGE_CNI_PLUGIN_NETLINK_FIB_H

#include <stdbool.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* Queues the question for the route to @addr, whose answer is for the caller to read.
 * @flags: RTM_F_*. */
void queue_route_question(struct netlink *nl, const struct ip_addr *addr,
			  unsigned int flags);

/* Is @addr an address of the namespace itself? Code 101. */
int route_is_local(struct netlink *nl, const struct ip_addr *addr, bool *ret_local,
		   struct cni_error *err);

/* Gives the index of the interface by which a packet to @addr leaves; 0: there is no
 * route, or it refuses the packet. Code 101. */
int route_interface(struct netlink *nl, const struct ip_addr *addr,
		    unsigned int *ret_index, struct cni_error *err);

#endif
