/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a subnet elsewhere on the node? Then packets for pods would go there. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_SUBNET_H
#define BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_SUBNET_H

#include "conf/network.h"
#include "plugin/netlink/netlink.h"

/*
 * Asked before @address, with its subnet's length, is added to @ifname, which is @bridge
 * or an interface in a VLAN of it.
 *
 * Code 103 (-EADDRINUSE) names another interface that has the subnet. It has an address,
 * or a route of the main table, with just that prefix; or a connected route that lies in
 * the subnet and holds @address. Code 103 also names a route with just that prefix by
 * which the node drops what is for pods.
 *
 * These may be there: @address alone, without a subnet (/32, /128); the subnet in other
 * VLANs of the bridge and in VRFs, which are apart; a wider prefix, since the node finds
 * the narrower one first. Code 101.
 */
int subnet_elsewhere(struct netlink *nl, const char *bridge, const char *ifname,
		     const struct ip_prefix *address, struct cni_error *err);

#endif
