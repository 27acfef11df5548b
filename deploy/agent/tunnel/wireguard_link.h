/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A WireGuard device: making it, over rtnetlink, and its keys, port and peers, over
 * generic netlink. wireguard_peers.h decides which peers it is to have. See
 * linux/wireguard.h.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_LINK_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"
#include "plugin/netlink/link.h"
#include "wireguard_key.h"

struct wireguard_genl;

/* Adds to the connection's queue that a device of this name and MTU is made, which is
 * down. -EEXIST: the name is taken; -EOPNOTSUPP: the kernel has no module wireguard,
 * which the error names. */
void queue_wireguard_add(struct netlink *nl, const char *name, uint32_t mtu);

/* The properties of a device besides its peers. */
struct wireguard_device {
	struct wireguard_key private_key; /* zeros: none */
	struct wireguard_key public_key; /* the kernel's, of the private one */
	uint16_t port; /* UDP, that it listens on while it is up */
	uint32_t mark; /* of the packets that it sends; 0: none */
};
void wireguard_device_wipe(struct wireguard_device *device);

/* A peer of the device: its endpoint, and the prefixes that its packets come from and go
 * to. */
struct wireguard_peer {
	struct wireguard_key key; /* its public key */
	struct ip_addr endpoint; /* family 0: not known */
	/* Wanted: another address of the Node. The kernel sends to where the last packet
	 * has come from, and two nodes may begin with different families. */
	struct ip_addr other;
	uint16_t port; /* of the endpoint */
	const struct ip_prefix *allowed; /* where its packets come from, and lead to */
	size_t n_allowed;
	int64_t handshake; /* read: when the last one was, time(2); 0: never */
	/* Seconds after which the device sends a packet without content where it has sent
	 * none, and the first one at once; 0: it doesn't. */
	uint16_t keepalive;
	/* Wanted: hands are shaken, by a keepalive until they were. */
	bool greet;
	uint32_t owner; /* the caller's: whose it is */
	bool remove; /* written: the device is to have no such peer */
	/* Written: it loses the prefixes that it has had. The kernel takes all of them
	 * before it adds the new ones, and drops what comes or goes in between. */
	bool replace;
};

/*
 * Gives the device @link the private key @key, the UDP port @port and no mark. @renew: it
 * has another private key, and loses its peers with it, so that no handshake is known but
 * those with the new key. -EADDRINUSE: somebody else has the
 * port; code 101.
 */
int wireguard_set(struct wireguard_genl *genl, const struct link_known *link,
		  const struct wireguard_key *key, bool renew, uint16_t port,
		  struct cni_error *err);

/*
 * Makes peers of the device: each has then its endpoint and its allowed prefixes, or is
 * removed. A prefix that another peer has had goes over to the later one.
 * Any number goes, in several messages; those before a message that is refused have been
 * carried out. Code 101.
 */
int wireguard_set_peers(struct wireguard_genl *genl, const struct link_known *link,
			const struct wireguard_peer *peers, size_t n,
			struct cni_error *err);

/* Is called for each peer of a device, with all its allowed prefixes; @peer is NULL when
 * the reading begins, and when it begins again: then forget what came before. Returns 0,
 * or -errno to stop. */
typedef int (*wireguard_peer_fn)(const struct wireguard_peer *peer, void *data);

/*
 * Reads a device; @fn is handed its peers one after the other, so that thousands of them
 * take no memory. The caller wipes *@ret_device. Code 101, and what @fn returns.
 */
int wireguard_read(struct wireguard_genl *genl, const struct link_known *link,
		   wireguard_peer_fn fn, void *data, struct wireguard_device *ret_device,
		   struct cni_error *err);

#endif
