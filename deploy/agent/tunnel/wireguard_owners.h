/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owners of WireGuard keys. Whoever may write another Node can copy a key that a Node
 * has in its annotation, and only the Node that had it first can be its owner. So owners
 * are remembered here, and an agent that starts anew takes them from the kernel's device.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_OWNERS_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_OWNERS_H

#include "tunnel_plan.h"
#include "wireguard_link.h"

struct wireguard_owner {
	struct wireguard_key key;
	uint64_t node; /* a hash of the Node's name */
};

/* Zero-initialise it. */
struct wireguard_owners {
	struct wireguard_owner *items; /* sorted by key once it is settled */
	size_t n;
};
void wireguard_owners_clear(struct wireguard_owners *owners);

/* Adds that the key is the Node's. Code 100. */
int wireguard_owners_add(struct wireguard_owners *owners, const struct wireguard_key *key,
			 const char *node, struct cni_error *err);

/* Sorts what was added. */
void wireguard_owners_settle(struct wireguard_owners *owners);

/* Was the key that Node's? */
bool wireguard_owners_has(const struct wireguard_owners *owners,
			  const struct wireguard_key *key, const char *node);

/* Adds the keys of the device's peers: each is that Node's whose podCIDRs, the former
 * ones included, are the peer's allowed IPs, all of them that some Node has. Codes 100,
 * 101. */
int wireguard_owners_read(struct wireguard_owners *owners, struct wireguard_genl *genl,
			  const struct link_known *link, const struct tunnel_plan *plan,
			  struct cni_error *err);

#endif
