/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the changes by which a WireGuard device gets exactly the peers that it is to
 * have. The device's peers are compared as they are read: none are kept here. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_PEERS_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_PEERS_H

#include "wireguard_link.h"

#define WIREGUARD_PEER_ABSENT \
	(-1) /* of @handshake: the device doesn't have the peer yet */

/* Peers to hand to wireguard_set_peers(). */
struct wireguard_changes {
	struct wireguard_peer *items; /* owned; their prefixes are those of @wanted */
	size_t n;
};
void wireguard_changes_clear(struct wireguard_changes *changes);

/* Takes out of @changes the peers that the device doesn't have yet. */
void wireguard_changes_hold(struct wireguard_changes *changes);

/*
 * Reads the device @link and compares its peers with @wanted, of which it sorts the items
 * by their keys, all different, and sets their @handshake. An endpoint that the kernel
 * has learned from a packet is changed back unless it is the Node's other address: a Node
 * is found at its InternalIPs. Adding or changing a peer ends no session, and
 * sends nothing unless it is to be greeted. The caller wipes
 * *@ret_device and clears *@ret_changes. Codes 100, 101.
 */
int wireguard_peers_compare(struct wireguard_genl *genl, const struct link_known *link,
			    struct wireguard_peer *wanted, size_t n,
			    struct wireguard_changes *ret_changes,
			    struct wireguard_device *ret_device, struct cni_error *err);

#endif
