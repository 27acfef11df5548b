/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds who has the VNI or the UDP port that a VXLAN device needs. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_VXLAN_RIVAL_H
#define BRIDGE_CNI_AGENT_TUNNEL_VXLAN_RIVAL_H

#include "vxlan_link.h"

/* Tells whether this is the name of a device that flannel makes. */
bool vxlan_is_flannel(const char *name);

/* The kernel has refused the device because its VNI is another one's: sets @err, which
 * names that. Returns -EEXIST. */
int vxlan_vni_taken(struct netlink *nl, const struct vxlan_spec *spec,
		    struct cni_error *err);

/* The kernel has refused to set the device up because its port is taken: sets @err, which
 * names the device or the process. Returns -EADDRINUSE. */
int vxlan_port_taken(struct netlink *nl, const struct vxlan_spec *spec,
		     struct cni_error *err);

#endif
