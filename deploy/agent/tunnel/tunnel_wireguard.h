/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The WireGuard mode: one device, and as its peers the other nodes whose public keys are
 * known from an annotation of their Nodes. What it adds is there before routes move; what
 * it removes goes after them.
 *
 * A node is sent to at its InternalIP and the port that its annotation says, and what
 * comes from it must be of its pods: of its ranges, whose network address the node itself
 * sends from. A key that two Nodes say, or that is this node's own, is nobody's: none of
 * them is a peer.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_WIREGUARD_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_WIREGUARD_H

#include "tunnel_plan.h"
#include "wireguard_device.h"
#include "wireguard_note.h"

#define WIREGUARD_DEVICE "bcni-wg"

/* Zero-initialise it. */
struct tunnel_wireguard {
	unsigned int index; /* of the device; 0: there is none that serves */
	struct wireguard_note own; /* port 0: this node's public key isn't known */
	struct wireguard_changes late; /* peers that go when the routes have gone */
	/* Why this node can't send to a peer by WireGuard, in the order of the plan's
	 * peers; ROUTE_FINE: it can, if the plan says so, too. Owned. */
	enum route_problem *problems;
	size_t n_problems;
	/* The peers that the device was given, and their prefixes. Owned. */
	struct wireguard_peer *peers;
	size_t n_peers;
	struct ip_prefix *allowed;
};
void tunnel_wireguard_clear(struct tunnel_wireguard *wireguard);

struct tunnel_wireguard_spec {
	uint16_t port;
	uint32_t mtu;
	size_t annotation; /* index of WIREGUARD_ANNOTATION among the names asked for */
};

/* What was done, for the log. */
struct tunnel_wireguard_done {
	bool made, key_made, changed, removed;
	size_t peers; /* added, changed or removed */
};

/*
 * Makes the device, and adds the peers that the plan has. Adds to @done. The errors are
 * those of wireguard_device_keep(), and code 100; a device that served before serves on
 * where that is possible.
 */
int tunnel_wireguard_prepare(struct tunnel_wireguard *wireguard, struct netlink *nl,
			     const struct tunnel_plan *plan,
			     const struct tunnel_wireguard_spec *spec,
			     struct tunnel_wireguard_done *done, struct cni_error *err);

/* Has the plan's routes lead by the device, to peers whose keys are known; the others get
 * their problems. */
void tunnel_wireguard_lead(const struct tunnel_wireguard *wireguard,
			   struct tunnel_plan *plan);

/* Removes the peers that the plan of the last tunnel_wireguard_prepare() doesn't have.
 * Codes 100, 101. */
int tunnel_wireguard_settle(struct tunnel_wireguard *wireguard, struct cni_error *err);

/* How the peers are. */
struct tunnel_wireguard_look {
	bool right; /* the device is as it was left */
	size_t peers, answering; /* those with a handshake in the last three minutes */
};

/* Looks at the device, of whose peers the kernel tells no changes. Codes 100, 101. */
int tunnel_wireguard_look(struct tunnel_wireguard *wireguard,
			  struct tunnel_wireguard_look *ret_look, struct cni_error *err);

/* Removes the device, whoever made it, and its key. WIREGUARD_DEVICE_REMOVED, or 0. Codes 5,
 * 100, 101. */
int tunnel_wireguard_remove(struct netlink *nl, struct cni_error *err);

#endif
