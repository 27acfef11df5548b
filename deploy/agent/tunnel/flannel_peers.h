/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the peers of the plan that run flannel, and decides which of their annotations
 * are used. Without these checks, whoever may write a Node's annotations could lead away
 * packets for another node, or send as that node.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_FLANNEL_PEERS_H
#define BRIDGE_CNI_AGENT_TUNNEL_FLANNEL_PEERS_H

#include "deploy/agent/api/surroundings.h"
#include "tunnel_plan.h"

struct flannel_rules {
	size_t first; /* index of FLANNEL_MANAGED among the annotations; others follow */
	uint32_t vni; /* of this node's devices */
	const struct surroundings *around; /* settled */
};

/*
 * Gives the peers that run flannel their ends. A Node whose annotations say exactly what
 * this agent would write there is no such peer. An address in them is used only where no
 * other node has it: it is no InternalIP of another Node, no address of this node, in no
 * podCIDR, and in no other Node's annotations; the same goes for a MAC address. Code
 * 100.
 */
int flannel_peers_make(struct tunnel_plan *plan, const struct flannel_rules *rules,
		       struct cni_error *err);

#endif
