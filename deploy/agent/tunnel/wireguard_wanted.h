/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which peers this node's WireGuard devices are to have: made from what the Nodes say, and
 * from the plan. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_WANTED_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_WANTED_H

#include "tunnel_plan.h"
#include "wireguard_link.h"
#include "wireguard_note.h"

/* Zero-initialise it. */
struct wireguard_wanted {
	/* Of each slot; the owner of each is the index of the plan's peer. */
	struct wireguard_peer *peers[WIREGUARD_SLOTS];
	size_t n_peers[WIREGUARD_SLOTS];
	struct ip_prefix *allowed; /* of all peers, one behind the other */
	/* By the plan's peers: what it says, with port 0 where it says nothing right, and
	 * why this node can't send to it by WireGuard. */
	struct wireguard_note *notes;
	enum route_problem *problems;
};
void wireguard_wanted_clear(struct wireguard_wanted *wanted);

/* @own: what this node says, with port 0 for keys that aren't known yet. @two: this node has
 * two slots; else only peers of the first one are wanted. Code 100. */
int wireguard_wanted_make(const struct tunnel_plan *plan, size_t annotation,
			  const struct wireguard_note *own, bool two,
			  struct wireguard_wanted *ret_wanted, struct cni_error *err);

#endif
