/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The WireGuard mode: a device, or two where keys are rotated (wireguard_rotation.h), and
 * as their peers the other nodes whose public keys are known from an annotation of their
 * Nodes. What it adds is there before routes move; what it removes goes after them.
 *
 * A node is sent to at its InternalIP and the port that its annotation says, and what
 * comes from it must be of its pods: of its ranges, whose network address the node itself
 * sends from. Both devices take the packets of all peers, and routes lead by one of them.
 * Which Node owns a key that several Nodes have is decided in wireguard_owners.h.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_WIREGUARD_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_WIREGUARD_H

#include "tunnel_plan.h"
#include "wireguard_device.h"
#include "wireguard_note.h"
#include "wireguard_wanted.h"

#define WIREGUARD_BLOCKING_MAX 256

/* A slot has one of the two devices. The second device's UDP port is that of
 * --wireguard-port and one more. */
struct tunnel_wireguard_slot {
	unsigned int index; /* of the device; 0: there is none that serves */
	struct wireguard_changes late; /* peers that go when the routes have gone */
};

/* This node and a peer of the plan. */
struct tunnel_wireguard_pair {
	struct rotation_pair rotation;
	bool counts; /* this node can send to it */
	bool recent; /* they have shaken hands in the last three minutes */
};

/* Zero-initialise it. */
struct tunnel_wireguard {
	struct tunnel_wireguard_slot slots[WIREGUARD_SLOTS];
	/* The annotation that this node is to have; port 0: that key isn't known. */
	struct wireguard_note own;
	struct wireguard_note said; /* what the own Node says of it; port 0: nothing */
	bool begun; /* what the Node said before is known */
	bool two; /* there are two slots */
	bool leaving; /* the second one goes, when no peer uses it */
	bool swept; /* it has gone */
	/* The peers that the devices were given, in the order of their keys. */
	struct wireguard_wanted wanted;
	struct tunnel_wireguard_pair *pairs; /* by the plan's peers; owned */
	size_t n_pairs;
	/* Peers that don't let this node make a new key, and the names of the first. */
	size_t blocking;
	char blocking_names[WIREGUARD_BLOCKING_MAX];
	bool published; /* the own Node says @own */
	int64_t unblocked_at; /* since when there are none, by now_ms(); 0: there are */
	bool waits; /* a new key is due, and peers are to be named */
};
void tunnel_wireguard_clear(struct tunnel_wireguard *wireguard);

struct tunnel_wireguard_spec {
	uint16_t port;
	uint32_t mtu;
	size_t annotation; /* index of WIREGUARD_ANNOTATION among the names asked for */
	uint32_t rotate_days; /* 0: keys are not rotated, and there is one slot */
};

/* The changes of a device, for the log. */
struct tunnel_wireguard_done {
	bool made, key_made, changed;
	size_t peers; /* added, changed or removed */
};

/*
 * Makes the devices, and adds the peers that the plan has, whose own node is known. Adds
 * to @done, which has an entry for each slot. The errors are those of
 * wireguard_device_keep(), and code 100; a device that served before serves on where that
 * is possible.
 */
int tunnel_wireguard_prepare(struct tunnel_wireguard *wireguard, struct netlink *nl,
			     const struct tunnel_plan *plan,
			     const struct tunnel_wireguard_spec *spec,
			     struct tunnel_wireguard_done *done, struct cni_error *err);

/* Has the plan's routes lead by the devices, to peers whose keys are known; the others
 * get their problems. */
void tunnel_wireguard_lead(const struct tunnel_wireguard *wireguard,
			   struct tunnel_plan *plan);

/* Removes the peers that the plan of the last tunnel_wireguard_prepare() doesn't have,
 * and a second device that isn't used any more. Codes 5, 100, 101. */
int tunnel_wireguard_settle(struct tunnel_wireguard *wireguard, struct netlink *nl,
			    struct cni_error *err);

/* The state of the devices and their peers. */
struct tunnel_wireguard_look {
	bool right; /* the devices are as they were left, and no peer is new to them */
	size_t peers, answering; /* those with a handshake in the last three minutes */
};

/* Reads the devices: the kernel sends no messages about changes of their peers. Codes
 * 100, 101. */
int tunnel_wireguard_look(struct tunnel_wireguard *wireguard,
			  struct tunnel_wireguard_look *ret_look, struct cni_error *err);

#define TUNNEL_WIREGUARD_ROTATED 1

/* Takes the next step of a rotation, or of the way back to one slot, if its time has
 * come. TUNNEL_WIREGUARD_ROTATED: tunnel_wireguard_prepare() has to go on with it. Code
 * 5. */
int tunnel_wireguard_rotate(struct tunnel_wireguard *wireguard, uint32_t days,
			    const char *node, struct cni_error *err);

/* Removes the devices, whoever made them, and their keys. TUNNEL_DEVICE_REMOVED, or 0.
 * Codes 5, 100, 101. */
int tunnel_wireguard_remove(struct netlink *nl, struct cni_error *err);

#endif
