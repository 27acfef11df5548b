/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An agent that starts takes the owners of keys from the device of an earlier agent, and
 * its generation from the other Nodes. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_RECALL_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_RECALL_H

#include "wireguard_note.h"
#include "wireguard_owners.h"
#include "wireguard_ways.h"

/* Gives the owners of the keys that this node's WireGuard devices have as peers. Codes
 * 100, 101. */
int wireguard_recall_owners(struct netlink *nl, const struct tunnel_plan *plan,
			    struct wireguard_owners *ret_owners, struct cni_error *err);

/* Gives where these devices lead. Codes 100, 101. */
int wireguard_recall_ways(struct netlink *nl, struct wireguard_ways *ret_ways,
			  struct cni_error *err);

/* Gives the generation that a node begins with which has said none. Code 100. */
int wireguard_recall_generation(const struct tunnel_plan *plan, size_t annotation,
				uint32_t *ret_generation, struct cni_error *err);

#endif
