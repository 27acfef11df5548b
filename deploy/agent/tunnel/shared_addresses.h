/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names the Nodes that share an InternalIP. None of them is reached by that address, or
 * may send from it; but such a Node may have an address of the other family that is its
 * own. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_SHARED_ADDRESSES_H
#define BRIDGE_CNI_AGENT_TUNNEL_SHARED_ADDRESSES_H

#include "deploy/agent/base/log.h"
#include "tunnel_plan.h"

/* Zero-initialise it. */
struct shared_addresses {
	size_t n; /* how many InternalIPs are shared, each counted once for each Node */
	uint64_t told; /* a hash of those that were logged last */
};

/* Logs the Nodes of @plan that share an InternalIP, where they are others than the last
 * time. */
void shared_addresses_tell(struct shared_addresses *shared,
			   const struct tunnel_plan *plan, const struct log *log);

#endif
