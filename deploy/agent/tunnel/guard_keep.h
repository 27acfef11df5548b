/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the guard as the plan of the tunnels says, also where others change rules. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_GUARD_KEEP_H
#define BRIDGE_CNI_AGENT_TUNNEL_GUARD_KEEP_H

#include "guard.h"
#include "tunnel_ops.h"

/* Zero-initialise it. Times are by now_ms(). */
struct guard_keep {
	struct guard_known known;
	/* The addresses of this node's pods that are in none of its podCIDRs, but in a
	 * former one. */
	struct ip_prefix *former; /* owned */
	size_t n_former;
	int64_t look_at; /* when it may be looked for what others have changed */
	uint64_t changes; /* how often something was made or changed */
};
void guard_keep_clear(struct guard_keep *keep);

/* Takes a copy of the addresses of pods in former podCIDRs. True: they are others than
 * before, so that guard_keep_run() has something to do. Where memory runs out they stay
 * as they are. */
bool guard_keep_former(struct guard_keep *keep, const struct ip_prefix *former, size_t n);

/* Makes the guard be as the plan says, for the modes that are in use, and logs what was
 * done. The errors of tunnel_guard_ensure(). */
int guard_keep_run(struct guard_keep *keep, const struct tunnel_context *context,
		   struct cni_error *err);

/* Tells whether somebody has changed rules, which may be the guard's, so that
 * guard_keep_run() has to look. Asks the kernel one short question, and is true every few
 * seconds at most. */
bool guard_keep_due(struct guard_keep *keep, struct netlink *nft);

/* Tells whether a guard is in force, be it of an older plan. Without one no packet may
 * come in. */
bool guard_keep_stands(struct netlink *nft);

#endif
