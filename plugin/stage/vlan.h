/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between vlan.c, which has the pod's port, and vlan_gateway.c, which has the VLAN's
 * gateway: a veth pair on the node, one end an access port of the bridge, the other,
 * BRIDGE.VLAN, holding the addresses. Pods of the VLAN share it.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_VLAN_H
#define BRIDGE_CNI_PLUGIN_STAGE_VLAN_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/vlan.h"
#include "plugin/netlink/link.h"

/* The native VLAN that the configuration asks for, those of @tagged (NULL: none), and the
 * bridge's default VLAN only where preserveDefaultVlan says so. */
void vlan_queue_port(const struct attachment *att, unsigned int port, const char *name,
		     const struct vlan_trunk_list *tagged);

/* Code 104 where untagged frames of @port aren't @vlan's, in both directions. */
int vlan_native_check(const char *port, uint16_t vlan, const struct port_vlans *vlans,
		      struct cni_error *err);

/* Is it, by its name, the bridge itself or an interface in a VLAN of it? */
bool vlan_is_of_bridge(const char *bridge, const struct link *link);

/* Fills @att->gateway_ifname: BRIDGE.VLAN. */
void vlan_gateway_name(struct attachment *att);

/* Fills @att->gateway_ifname, _index, _forwards and _mac; takes the exclusive lock where
 * something is missing. Codes 101; 103: an interface of that name can't serve. */
int vlan_gateway_ensure(struct attachment *att, struct cni_error *err);

/* Code 104. Fills @att->gateway_ifname, _index and _forwards. */
int vlan_gateway_check(struct attachment *att, struct cni_error *err);

#endif
