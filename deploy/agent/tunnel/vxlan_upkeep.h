/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VXLAN as a mode of the tunnels: what the options say becomes tunnel_vxlan.h's devices,
 * and what was done with them is logged. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_VXLAN_UPKEEP_H
#define BRIDGE_CNI_AGENT_TUNNEL_VXLAN_UPKEEP_H

#include "silent_peers.h"
#include "tunnel_ops.h"
#include "tunnel_vxlan.h"

struct vxlan_upkeep {
	struct tunnel_vxlan tunnel;
	struct silent_peers silent;
};

/* Their state is a struct vxlan_upkeep. */
extern const struct tunnel_ops vxlan_ops;

/* @resync_seconds: how often it is looked which peers don't answer. */
void vxlan_upkeep_init(struct vxlan_upkeep *upkeep, uint32_t resync_seconds);
void vxlan_upkeep_clear(struct vxlan_upkeep *upkeep);

/* Has this node the devices of all underlays that the plan has? */
bool vxlan_upkeep_ready(const struct vxlan_upkeep *upkeep,
			const struct tunnel_plan *plan);

#endif
