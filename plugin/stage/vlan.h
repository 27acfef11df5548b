/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by vlan.c, which has the pod's port, and vlan_gateway.c. The VLAN's gateway is a
 * veth pair on the node: one end is an access port of the bridge, the other, BRIDGE.VLAN,
 * has the addresses. Pods of the VLAN share it.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_VLAN_H
#define BRIDGE_CNI_PLUGIN_STAGE_VLAN_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/vlan.h"
#include "plugin/netlink/link.h"

/* Queues the VLANs of the port @port, named @name: the native VLAN that the configuration
 * asks for, and those of @tagged (NULL: none). The port leaves the bridge's default VLAN
 * unless preserveDefaultVlan says otherwise. */
void vlan_queue_port(const struct attachment *att, unsigned int port, const char *name,
		     const struct vlan_trunk_list *tagged);

/* CHECK: code 104 where frames of @vlan don't come in and leave untagged by @port. */
int vlan_native_check(const char *port, uint16_t vlan, const struct port_vlans *vlans,
		      struct cni_error *err);

/* By its name, is the interface the bridge itself, or in a VLAN of it? */
bool vlan_is_of_bridge(const char *bridge, const struct link *link);

/* Makes the VLAN's gateway complete, under the exclusive lock where something is missing.
 * Fills @att->gateway_ifname, _index, _forwards, _localnet, _mac, _port and _is_own. Codes
 * 11, 101; 103: an interface of that name can't serve. */
int vlan_gateway_ensure(struct attachment *att, struct cni_error *err);

/* Fills the same for the gateway as it is; _index 0: there is none. Code 101. */
int vlan_gateway_find(struct attachment *att, struct cni_error *err);

/* CHECK: code 104 where the VLAN's gateway isn't complete. Fills the same. */
int vlan_gateway_check(struct attachment *att, struct cni_error *err);

#endif
