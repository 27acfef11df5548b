/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How would a network namespace send a packet to an address? */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_FIB_H
#define BRIDGE_CNI_PLUGIN_NETLINK_FIB_H

#include <stdbool.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* Asks for the route to @addr; @flags: RTM_F_*. For what reads the answer. */
void queue_route_question(struct netlink *nl, const struct ip_addr *addr,
			  unsigned int flags);

/* Does the namespace take packets to @addr for its own? */
int route_is_local(struct netlink *nl, const struct ip_addr *addr, bool *ret_local,
		   struct cni_error *err);

/* The index of the interface by which a packet to @addr leaves; 0: there is no route. */
int route_interface(struct netlink *nl, const struct ip_addr *addr,
		    unsigned int *ret_index, struct cni_error *err);

#endif
