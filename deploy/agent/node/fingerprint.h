/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A short look at what pods' traffic needs of the node: bridge, its addresses, forwarding,
 * rules. Some 50 µs; what it sees is compared with what it saw when all was well. What
 * has to be done then is bridge-cni's business.
 */
#ifndef BRIDGE_CNI_AGENT_FINGERPRINT_H
#define BRIDGE_CNI_AGENT_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/netlink/netlink.h"

enum look_at {
	LOOK_BRIDGE,
	LOOK_ADDRESSES,
	LOOK_FORWARDING,
	LOOK_RULES,
	LOOKS,
};
extern const char *const look_names[LOOKS];

struct look {
	uint64_t seen[LOOKS];
	bool ipv4; /* the bridge has an address of that family */
};

/* @nft: a NETLINK_FOR_NFTABLES connection. Code 101. */
int look_take(struct netlink *rtnl, struct netlink *nft, const char *bridge,
	      struct look *ret_look, struct cni_error *err);

#endif
