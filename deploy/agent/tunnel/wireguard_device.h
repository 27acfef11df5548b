/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This node's WireGuard device: how it is to be, and that the kernel has it so: link,
 * key, port, peers, addresses. Whose peers they are is tunnel_wireguard.h's business.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_DEVICE_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_DEVICE_H

#include "wireguard_note.h"
#include "wireguard_peers.h"

struct wireguard_spec {
	const char *name;
	uint16_t port; /* of UDP */
	uint32_t mtu; /* in bytes */
	/* The addresses of the device, by family, from which the node itself sends to
	 * pods of other nodes; family 0: none. The device has no other addresses. */
	struct ip_addr addresses[IP_FAMILIES];
	/* The annotation that this node's Node has. The device gets no new peers before
	 * the annotation has its key: the first packet to a peer tells it the key, and a
	 * peer could write the key into its own annotation sooner. */
	const struct wireguard_note *said;
	struct wireguard_peer *peers; /* sorted by key here */
	size_t n_peers;
};

/* The device as it is then, and the changes that were made. */
struct wireguard_kept {
	unsigned int index; /* of the device; 0: there is none */
	struct wireguard_key public_key;
	bool has_key; /* @public_key is the device's */
	bool made, key_made, changed; /* the device; its private key; something of both */
	bool renewed; /* it got a private key, and lost its peers for a moment */
	size_t peers; /* that were added, changed or removed */
	struct wireguard_changes late; /* peers to remove when no route needs them */
};

/*
 * Sees to it that the device is there, up, and as @spec says; peers that it has besides
 * go to @kept->late, which the caller empties. A device that is right is not disturbed:
 * its sessions go on, also when this process is a new one. After an error @kept says what
 * is there nevertheless; @kept->index is 0 where nothing can be sent. Code 103: the name
 * is that of a device of another kind, or the port is taken; codes 5, 100, 101; the
 * kernel without WireGuard is 101, and the error names the module.
 */
int wireguard_device_keep(struct netlink *nl, const struct wireguard_spec *spec,
			  struct wireguard_kept *kept, struct cni_error *err);

/* Removes the peers of @late. Codes 100, 101. */
int wireguard_device_trim(const struct link_known *link,
			  const struct wireguard_changes *late, struct cni_error *err);

/* Removes the WireGuard device of that name, and the file of its private key; a device of
 * another kind stays. TUNNEL_DEVICE_REMOVED: the device was there; else 0. Codes 5, 100,
 * 101. */
int wireguard_device_remove(struct netlink *nl, const char *name, struct cni_error *err);

#endif
