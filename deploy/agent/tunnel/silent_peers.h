/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds silent peers: those to which this node sends by VXLAN, and from which nothing has
 * come by it. A firewall drops the port, or the other node has no tunnel yet. The kernel
 * knows when a forwarding entry was used last, and the guard counts what comes from each
 * peer. A peer to which nothing is sent is never called silent.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_SILENT_PEERS_H
#define BRIDGE_CNI_AGENT_TUNNEL_SILENT_PEERS_H

#include "deploy/agent/base/log.h"
#include "tunnel_plan.h"
#include "tunnel_vxlan.h"

#define SILENT_PEERS_NAMED 256

struct heard_peer; /* what is remembered of a peer from one look to the next */

/* The caller sets the first field, which it keeps, and the rest to 0. */
struct silent_peers {
	uint32_t interval_seconds; /* between two looks, at least */
	struct heard_peer *heard; /* sorted; owned */
	size_t n_heard;
	int64_t looked_at; /* by now_ms(); 0: never */
	size_t n; /* how many peers were silent in the last look */
	char (*names)[NODE_NAME_MAX + 1]; /* of the first silent ones; owned */
	uint64_t error; /* of log_error_once() */
};
void silent_peers_clear(struct silent_peers *silent);

/*
 * Looks at all peers of @plan, which leads by @vxlan. A peer is silent when in two looks
 * one behind the other something was sent to it, and nothing had come: a single packet
 * may be on its way. Each is logged when it becomes silent, and when it isn't any more.
 * Nothing is done before the interval is over.
 */
void silent_peers_look(struct silent_peers *silent, struct netlink *rtnl,
		       struct netlink *nft, const struct tunnel_vxlan *vxlan,
		       const struct tunnel_plan *plan, const struct log *log);

#endif
