/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fingerprint of what pods' traffic needs of the node: the bridge, its addresses,
 * forwarding, rules. Taking one costs some 50 µs, and with the rules of spoofCheck half a
 * millisecond. One that differs from that of a node in order tells that somebody has
 * changed something; bridge-cni alone knows whether that was harmful and how to mend it.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_FINGERPRINT_H
#define BRIDGE_CNI_AGENT_NODE_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/netlink/netlink.h"

enum fingerprint_part {
	FINGERPRINT_BRIDGE,
	FINGERPRINT_ADDRESSES,
	FINGERPRINT_FORWARDING,
	FINGERPRINT_RULES,
	FINGERPRINT_PARTS, /* how many there are */
};
/* As metrics and the log call them, indexed by enum fingerprint_part. */
extern const char *const fingerprint_part_names[FINGERPRINT_PARTS];

struct fingerprint {
	uint64_t parts[FINGERPRINT_PARTS]; /* hashes */
	bool ipv4; /* the bridge has an IPv4 address */
};

/* @bridge: its name; that there is no such interface is a fingerprint, too. @nft: a
 * NETLINK_FOR_NFTABLES connection. Code 101. */
int fingerprint_take(struct netlink *rtnl, struct netlink *nft, const char *bridge,
		     struct fingerprint *ret_fingerprint, struct cni_error *err);

#endif
