/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that a mode of the tunnels has, and the data that all modes share. Each
 * mode is in a file of its own; tunnel_upkeep.c calls them, and has the table of them. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_OPS_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_OPS_H

#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"
#include "plugin/netlink/netlink.h"
#include "tunnel_mtu.h"
#include "tunnel_plan.h"

/* The pointers are the agent's. */
struct tunnel_context {
	const struct options *options;
	const struct log *log;
	struct netlink *rtnl, *nft;
	struct tunnel_mtu mtu;
	/* The plan that was made last. It is empty where no tunnel is asked for, and
	 * where it could not be made. */
	struct tunnel_plan plan;
	/* How many devices, and how many entries or peers of devices, were made or
	 * changed since the agent's start. The modes count them. */
	uint64_t devices, entries;
};

/* The functions get @state, which is the mode's own. Those that return an int return < 0
 * after an error, which @err tells. */
struct tunnel_ops {
	enum tunnel_mode mode;
	/* Adds to the kernel what the plan asks for, and logs it. What could be added
	 * before an error is there. The plan has an own node. */
	int (*prepare)(void *state, struct tunnel_context *context,
		       struct cni_error *err);
	/* Has the plan's routes lead by this mode's devices, after prepare(). */
	void (*lead)(const void *state, struct tunnel_plan *plan);
	/* Removes what the plan doesn't ask for. The routes have been made. */
	int (*settle)(void *state, struct tunnel_context *context, struct cni_error *err);
	/* Removes all that agents make on a node for this mode, whoever made it.
	 * TUNNEL_DEVICE_REMOVED: there was a device; else 0. */
	int (*remove)(struct netlink *rtnl, struct cni_error *err);
};

#endif
