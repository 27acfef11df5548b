/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A subnet that the node has elsewhere: what is for pods would go there. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_SUBNET_H
#define BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_SUBNET_H

#include "conf/network.h"
#include "plugin/netlink/netlink.h"

/*
 * Before @address, with its subnet's length, is given to @ifname, @bridge or an interface in a
 * VLAN of it. Code 103 (-EADDRINUSE) names another interface that has the subnet: an address
 * or a route of the main table with just that prefix, or a connected one that is in it and
 * holds @address. @address alone, with no subnet (/32, /128), is in nobody's way. It names
 * such a route, too, by which the node drops what is for pods. Other VLANs of the bridge and
 * VRFs may have the subnet: they are apart. So may a wider prefix, of which the node finds the
 * subnet first. Code 101.
 */
int subnet_elsewhere(struct netlink *nl, const char *bridge, const char *ifname,
		     const struct ip_prefix *address, struct cni_error *err);

#endif
