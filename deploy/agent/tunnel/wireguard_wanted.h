/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The peers that this node's WireGuard devices are to have: made from the Nodes'
 * annotations and the plan. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_WANTED_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_WANTED_H

#include "tunnel_plan.h"
#include "wireguard_link.h"
#include "wireguard_note.h"
#include "wireguard_owners.h"

/* A key that a Node says, and that isn't its own. The names are the node table's. */
struct wireguard_refusal {
	const char *node;
	const char *owner; /* whose it is; NULL: nobody knows */
};

/* Zero-initialise it. */
struct wireguard_wanted {
	/* The peers of each slot. A peer's owner is the index of the plan's peer. */
	struct wireguard_peer *peers[WIREGUARD_SLOTS];
	size_t n_peers[WIREGUARD_SLOTS];
	struct ip_prefix *allowed; /* of all peers, one behind the other */
	/* By the plan's peers: what it says, with port 0 for each end that isn't used,
	 * and why this node can't send to it by WireGuard. */
	struct wireguard_note *notes;
	enum route_problem *problems;
	struct wireguard_owners owners; /* of all keys that are used */
	struct wireguard_refusal *refused;
	size_t n_refused;
};
void wireguard_wanted_clear(struct wireguard_wanted *wanted);

/*
 * A key that several Nodes say is used for its owner alone. That is the Node that had it
 * in @before; else the one that has said it first since this agent has its list of Nodes;
 * else it is nobody's, as is this node's own key. A Node has its other key all the same:
 * nobody who copies keys can cut off a Node that is served. @own: what this node says,
 * with port 0 for keys that aren't known yet. @two: this node has two slots; else only
 * peers of the first one are wanted. Code 100.
 */
int wireguard_wanted_make(const struct tunnel_plan *plan, size_t annotation,
			  const struct wireguard_note *own, bool two,
			  const struct wireguard_owners *before,
			  struct wireguard_wanted *ret_wanted, struct cni_error *err);

#endif
