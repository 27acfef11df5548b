/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard of the tunnels: the table inet bridge_cni_tunnel. Of what comes in by a
 * tunnel it lets pass what a node sends from its own pods to pods of this node, and drops
 * and counts the rest. It goes by the source address of the underlay's packet, so it
 * doesn't stop whoever can forge a node's address on the underlay; WireGuard does.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_GUARD_H
#define BRIDGE_CNI_AGENT_TUNNEL_GUARD_H

#include "guard_elements.h"
#include "guard_rules.h"

/* The state in which the last call left the kernel's table. As long as nobody else
 * changes rules anywhere on the node, the next call reads nothing. Zero-initialise it. */
struct guard_known {
	bool valid;
	uint32_t generation; /* nft_generation() */
	uint64_t rules; /* a hash of what the rules were made of */
	struct guard_elements elements;
};
void guard_known_clear(struct guard_known *known);

/*
 * Makes the table be as @spec says. A table that is missing takes effect with its
 * elements or not at all; elements of one that is there change in one transaction, and
 * its rules in one; one that can't be changed so is exchanged whole in one. So a table that
 * is there is never away in between. Everything is compared with what the kernel has, whoever made it so.
 * @nft: a NETLINK_FOR_NFTABLES connection. Codes 11 (others change the table all the
 * time), 100, 101, 105.
 */
int tunnel_guard_ensure(struct netlink *nft, const struct guard_spec *spec,
			struct guard_known *known, struct guard_done *ret_done,
			struct cni_error *err);

/* Looks, by one short question, whether somebody may have changed the table since the
 * last tunnel_guard_ensure(). Code 101. */
int tunnel_guard_settled(struct netlink *nft, const struct guard_known *known,
			 bool *ret_settled, struct cni_error *err);

/* Deletes the table. Code 101. */
int tunnel_guard_remove(struct netlink *nft, bool *ret_removed, struct cni_error *err);

/* Reads how many packets were dropped since the table was made; all 0: there is none.
 * Code 101. */
int tunnel_guard_counters(struct netlink *nft, uint64_t ret_packets[GUARD_REASONS],
			  struct cni_error *err);

#endif
