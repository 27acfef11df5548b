/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the tunnels to the other nodes as tunnel_plan.h says: when guard and modes are
 * looked at and in which order, and what is logged when they can't be kept. Each mode is
 * in a file of its own (vxlan_upkeep.h, wireguard_upkeep.h), the guard is guard_keep.h's.
 * The routes that lead by the tunnels are route_upkeep.h's.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_UPKEEP_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_UPKEEP_H

#include "flannel_upkeep.h"
#include "guard_keep.h"
#include "shared_addresses.h"
#include "vxlan_upkeep.h"
#include "wireguard_upkeep.h"

#define TUNNEL_WRONG_MAX 512

/* The steps that can fail, each of which logs its last error once. */
enum tunnel_step {
	TUNNEL_PLAN,
	TUNNEL_GUARD,
	TUNNEL_STOP,
	TUNNEL_VXLAN_PREPARE,
	TUNNEL_VXLAN_SETTLE,
	TUNNEL_WIREGUARD_PREPARE,
	TUNNEL_WIREGUARD_SETTLE,
	TUNNEL_ROTATE,
	TUNNEL_SWEEP,
	TUNNEL_STEPS,
};

/* The caller sets the first four fields of @context, the first ones of context.mtu and of
 * flannel, which it keeps, calls vxlan_upkeep_init(), and sets the rest to 0. */
struct tunnel_upkeep {
	struct tunnel_context context;
	struct guard_keep guard;
	struct vxlan_upkeep vxlan;
	struct wireguard_upkeep wireguard;
	struct flannel_upkeep flannel;
	struct shared_addresses shared;
	bool swept; /* what an earlier agent left of other modes is gone */
	/* The first error since the last tunnel_upkeep_prepare() began; "": there was
	 * none. */
	char wrong[TUNNEL_WRONG_MAX];
	uint64_t errors[TUNNEL_STEPS]; /* of log_error_once() */
};
void tunnel_upkeep_clear(struct tunnel_upkeep *upkeep);

/*
 * Makes the plan, and adds to the kernel what it asks for: guard, devices, entries. It
 * removes nothing that routes may still lead by. @nodes were judged. False: something
 * failed, and was logged; what could be made is there. Without a guard the devices are
 * down.
 */
bool tunnel_upkeep_prepare(struct tunnel_upkeep *upkeep, const struct node_table *nodes);

/* False: a tunnel is asked for, and its plan could not be made. Routes then stay as they
 * are: without a plan they would lead past the tunnel, in the clear. */
bool tunnel_upkeep_planned(const struct tunnel_upkeep *upkeep);

/* The plan for the routes, valid until the node table changes; NULL: this node sends by
 * no tunnel. tunnel_upkeep_planned(). */
const struct tunnel_plan *tunnel_upkeep_plan(const struct tunnel_upkeep *upkeep);

/* Removes what the plan doesn't ask for. The routes have been made. False: something
 * failed, and was logged. */
bool tunnel_upkeep_settle(struct tunnel_upkeep *upkeep);

/* Looks whether somebody may have changed the guard. True: tunnel_upkeep_guard() has
 * something to mend. */
bool tunnel_upkeep_guard_due(struct tunnel_upkeep *upkeep);

/* Makes the guard be as the plan says, which the node table has still to agree with;
 * where there is no plan it does nothing. False: that failed, and was logged. */
bool tunnel_upkeep_guard(struct tunnel_upkeep *upkeep);

/* A descriptor that is readable when the kernel tells of entries; -1: there is none. */
int tunnel_upkeep_fd(const struct tunnel_upkeep *upkeep);

/* Reads what the kernel has told by that descriptor. True: tunnel_upkeep_prepare() has
 * something to mend. */
bool tunnel_upkeep_events(struct tunnel_upkeep *upkeep);

#define TUNNEL_WISHES_MAX (FLANNEL_NOTES + 1)

/*
 * Gives the annotations that the own Node is to have: those of flannel_upkeep_wishes(),
 * and the one of the WireGuard key, unless that isn't known yet. Returns how many. The
 * texts are valid until the next call. tunnel_upkeep_prepare() was called.
 */
size_t tunnel_upkeep_wishes(struct tunnel_upkeep *upkeep, const struct node_table *nodes,
			    struct annotation_wish ret_wishes[TUNNEL_WISHES_MAX]);

/* Looks for changes of which the kernel sends no message, every few seconds however often
 * it is called. True: tunnel_upkeep_prepare() has something to mend. */
bool tunnel_upkeep_tick(struct tunnel_upkeep *upkeep);

/* How many peers this node sends to by a tunnel. */
size_t tunnel_upkeep_peers(const struct tunnel_upkeep *upkeep);

/* Is there a WireGuard device on this node, so that its Node may have the annotation of
 * its key? */
bool tunnel_has_wireguard(const struct netlink *rtnl);

/* Removes all that agents make on a node for tunnels, whatever the mode. Codes 5, 100,
 * 101. */
int tunnel_remove(struct netlink *rtnl, struct netlink *nft, struct cni_error *err);

#endif
