/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log's lines about the WireGuard devices, and about other nodes' keys. Other nodes
 * decide how often their keys change: so lines about peers and keys are written once a
 * minute at most. What has changed within that minute is told when it is over.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_LOG_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_LOG_H

#include "deploy/agent/base/log.h"
#include "tunnel_wireguard.h"

/* The lines about a slot's peers. */
struct wireguard_told {
	size_t peers; /* how many have changed since */
	int64_t next; /* when it may be told again, by now_ms() */
};

/* Zero-initialise it. */
struct wireguard_log {
	struct wireguard_told told[WIREGUARD_SLOTS];
	uint64_t refused; /* a hash of the keys that are refused; 0: none is */
	uint64_t refused_told; /* the hash of those that were told of last; or 0 */
	int64_t refused_next; /* when they may be told of again, by now_ms() */
};

/* Logs what tunnel_wireguard_prepare() has done with the slots' devices, and which keys
 * it refuses. */
void wireguard_log_done(struct wireguard_log *state,
			const struct wireguard_wanted *wanted,
			const struct tunnel_wireguard_done done[WIREGUARD_SLOTS],
			const struct log *log);

/* Is there a line about refused keys that wireguard_log_done() could not write yet, and
 * may write now? */
bool wireguard_log_due(const struct wireguard_log *state);

/* Logs what has changed of peers, if its time has come. */
void wireguard_log_peers(struct wireguard_log *state, const struct log *log);

#endif
