/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the WireGuard devices of an earlier agent lead: a route by such a device has no
 * gateway that tells whose pods are behind it, but the peer's endpoint does. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_WAYS_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_WAYS_H

#include "wireguard_link.h"

struct wireguard_way {
	struct ip_prefix to; /* one of a peer's allowed IPs */
	struct ip_addr endpoint; /* the peer's */
};

/* Zero-initialise it. */
struct wireguard_ways {
	struct wireguard_way *items; /* sorted by @to once it is settled */
	size_t n;
};
void wireguard_ways_clear(struct wireguard_ways *ways);

/* Adds those of the device; a peer without an endpoint has none. Codes 100, 101. */
int wireguard_ways_read(struct wireguard_ways *ways, struct wireguard_genl *genl,
			const struct link_known *link, struct cni_error *err);

/* Sorts what was added. */
void wireguard_ways_settle(struct wireguard_ways *ways);

/* The endpoint that packets to @to are sent to; family 0: none. */
struct ip_addr wireguard_ways_find(const struct wireguard_ways *ways,
				   const struct ip_prefix *to);

#endif
