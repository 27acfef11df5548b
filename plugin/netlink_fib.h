/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By which interface does the node send a packet? */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_FIB_H
#define BRIDGE_CNI_PLUGIN_NETLINK_FIB_H

#include "../conf/addr.h"
#include "netlink.h"

/* The index of the interface by which a packet to @addr leaves; 0: there is no route. */
int route_interface(struct netlink *nl, const struct ip_addr *addr,
		    unsigned int *ret_index, struct cni_error *err);

#endif
