/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the tunnels to the other nodes as tunnel_plan.h says: devices, entries and guard,
 * when they are looked at, what is logged of them. The routes that lead by them are
 * route_upkeep.h's.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_UPKEEP_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_UPKEEP_H

#include "deploy/agent/api/annotation_patch.h"
#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"
#include "flannel_upkeep.h"
#include "guard_keep.h"
#include "plugin/netlink/netlink.h"
#include "shared_addresses.h"
#include "silent_peers.h"
#include "tunnel_mtu.h"
#include "tunnel_plan.h"
#include "tunnel_vxlan.h"
#include "tunnel_wireguard.h"

#define TUNNEL_WRONG_MAX 512

/* The caller sets the first four fields and the first ones of mtu and flannel, which it
 * keeps; events_fd of vxlan is -1, and the rest 0. */
struct tunnel_upkeep {
	const struct options *options;
	const struct log *log;
	struct netlink *rtnl, *nft;
	struct tunnel_mtu mtu;
	/* Of the last time; empty where no tunnel is asked for. */
	struct tunnel_plan plan;
	struct guard_keep guard;
	struct tunnel_vxlan vxlan;
	struct flannel_upkeep flannel;
	struct tunnel_wireguard wireguard;
	struct tunnel_wireguard_look look; /* of the last time */
	char note[WIREGUARD_NOTE_MAX]; /* that the own Node is to have */
	int64_t look_at; /* when the WireGuard device is looked at, by now_ms() */
	struct shared_addresses shared;
	struct silent_peers silent;
	bool swept; /* what an earlier agent left of other modes is gone */
	char wrong[TUNNEL_WRONG_MAX]; /* what failed the last time; "": nothing did */
	uint64_t error; /* of log_error_once() */
	uint64_t devices, entries; /* made or changed, since the start */
};
void tunnel_upkeep_clear(struct tunnel_upkeep *upkeep);

/*
 * Makes the plan, and adds to the kernel what it asks for: guard, devices, entries. It
 * removes nothing that routes may still lead by. @nodes were judged. False: something
 * failed, and was logged; what could be made is there.
 */
bool tunnel_upkeep_prepare(struct tunnel_upkeep *upkeep, const struct node_table *nodes);

/* False: a tunnel is asked for, and its plan could not be made. Routes then stay as they
 * are: without a plan they would lead past the tunnel, in the clear. */
bool tunnel_upkeep_planned(const struct tunnel_upkeep *upkeep);

/* The plan for the routes, valid until the node table changes; NULL: this node sends by
 * no tunnel. tunnel_upkeep_planned(). */
const struct tunnel_plan *tunnel_upkeep_plan(const struct tunnel_upkeep *upkeep);

/* Removes what the plan doesn't ask for. The routes have been made. */
bool tunnel_upkeep_settle(struct tunnel_upkeep *upkeep);

/* Looks whether somebody may have changed the guard. True: tunnel_upkeep_guard() has
 * something to mend. */
bool tunnel_upkeep_guard_due(struct tunnel_upkeep *upkeep);

/* Makes the guard be as the plan says, which the node table has still to agree with; where
 * there is no plan it does nothing. False: that failed, and was logged. */
bool tunnel_upkeep_guard(struct tunnel_upkeep *upkeep);

/* A descriptor that is readable when the kernel tells of entries; -1: there is none. */
int tunnel_upkeep_fd(const struct tunnel_upkeep *upkeep);

/* Takes what it tells. True: tunnel_upkeep_prepare() has something to mend. */
bool tunnel_upkeep_events(struct tunnel_upkeep *upkeep);

#define TUNNEL_WISHES_MAX (FLANNEL_NOTES + 1)

/*
 * Gives what annotations of the own Node are to be, as flannel_upkeep_wishes() does, and
 * the one of the WireGuard key, unless that isn't known yet. The texts are valid until the
 * next call. tunnel_upkeep_prepare() was called.
 */
size_t tunnel_upkeep_wishes(struct tunnel_upkeep *upkeep, const struct node_table *nodes,
			    struct annotation_wish ret_wishes[TUNNEL_WISHES_MAX]);

/* Looks at what the kernel doesn't tell of, when its time has come. True:
 * tunnel_upkeep_prepare() has something to mend. */
bool tunnel_upkeep_tick(struct tunnel_upkeep *upkeep);

/* How many peers this node sends to by a tunnel. */
size_t tunnel_upkeep_peers(const struct tunnel_upkeep *upkeep);

/* The manifest that lets an agent write its Node's WireGuard key. */
#define WIREGUARD_RIGHTS "deploy/wireguard.yaml"

/* Removes all that agents make on a node for tunnels, whatever the mode.
 * WIREGUARD_DEVICE_REMOVED: the Node may say a key. Codes 5, 100, 101. */
int tunnel_remove(struct netlink *rtnl, struct netlink *nft, struct cni_error *err);

#endif
