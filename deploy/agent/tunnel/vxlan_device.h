/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VXLAN device for the traffic between nodes: how it is to be, and that the kernel has
 * it so. Its entries, which say where a packet goes, are vxlan_entries.h's. See
 * ip-link(8), VXLAN Type Support.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_VXLAN_DEVICE_H
#define BRIDGE_CNI_AGENT_TUNNEL_VXLAN_DEVICE_H

#include "vxlan_link.h"

/* Outcomes of vxlan_device_keep(). */
enum {
	VXLAN_DEVICE_RIGHT,
	VXLAN_DEVICE_CHANGED,
	VXLAN_DEVICE_MADE, /* the device is new: no entries, and no route leads by it */
};

/*
 * Sees to it that the device is there, up, and as @spec says. One whose VNI, port or
 * local address is another one is made anew; MAC, MTU and addresses are set on the one
 * that is there. It doesn't learn from what it receives. Code 103: the name is that of a
 * device of another kind; or VNI or port are taken, and the error says by whom. Codes 5,
 * 100, 101.
 */
int vxlan_device_keep(struct netlink *nl, const struct vxlan_spec *spec,
		      unsigned int *ret_index, struct cni_error *err);

#endif
