/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VLANs of a bridge port, by IFLA_AF_SPEC of family AF_BRIDGE and RTM_GETVLAN
 * (linux/if_bridge.h). A kernel without CONFIG_BRIDGE_VLAN_FILTERING refuses all of this
 * with -EOPNOTSUPP.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_VLAN_H
#define BRIDGE_CNI_PLUGIN_NETLINK_VLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"

#define VLAN_IDS 4096

/* Makes @vlan the port's own: its frames leave untagged, and untagged frames come into
 * it. */
void queue_port_native_vlan(struct netlink *nl, unsigned int index, const char *name,
			    uint16_t vlan);
/* Adds the VLANs @first to @last, whose frames are tagged. */
void queue_port_trunk_vlans(struct netlink *nl, unsigned int index, const char *name,
			    uint16_t first, uint16_t last);
void queue_port_vlan_del(struct netlink *nl, unsigned int index, const char *name,
			 uint16_t vlan);

struct port_vlans {
	bool member[VLAN_IDS];
	bool untagged[VLAN_IDS];
	uint16_t pvid; /* 0: none */
};
int port_vlans_get(struct netlink *nl, unsigned int index, struct port_vlans *ret_vlans,
		   struct cni_error *err);

#endif
