/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fingerprint of what pods' traffic needs of the node: the bridge, the interface that
 * has the gateways, its addresses, forwarding, rules, which other networks there are, and
 * for fastPath the uplinks. Taking one costs some 50 µs, with 1,000 pods 0.2 ms more, and
 * with the rules of spoofCheck half a millisecond. One that differs from that of a node in
 * order tells that somebody has changed something; bridge-cni alone knows whether that was
 * harmful and how to mend it.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_FINGERPRINT_H
#define BRIDGE_CNI_AGENT_NODE_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/netlink/netlink.h"

enum fingerprint_part {
	FINGERPRINT_BRIDGE,
	FINGERPRINT_GATEWAY,
	FINGERPRINT_ADDRESSES,
	FINGERPRINT_FORWARDING,
	FINGERPRINT_RULES,
	FINGERPRINT_NETWORKS,
	FINGERPRINT_UPLINKS,
	FINGERPRINT_PARTS, /* how many there are */
};
/* As metrics and the log call them, indexed by enum fingerprint_part. */
extern const char *const fingerprint_part_names[FINGERPRINT_PARTS];

struct fingerprint {
	uint64_t parts[FINGERPRINT_PARTS]; /* hashes */
	bool ipv4; /* the gateways' interface has an IPv4 address */
};

/* The network that a fingerprint is taken of. */
struct fingerprint_of {
	const char *bridge; /* its name */
	const char *gateway; /* the interface that has the gateways; "": none has */
	bool fast_path; /* the network has the key */
	uint64_t vlans; /* of fingerprint_vlans(), where it has the key isolate; else 0 */
};

/* Gives a hash of the interfaces BRIDGE.VLAN, which may be other networks' gateways, as a
 * part of FINGERPRINT_NETWORKS. It lists all interfaces of the node, pods' ports included.
 * Code 101. */
int fingerprint_vlans(struct netlink *rtnl, uint64_t *ret_hash, struct cni_error *err);

/* That there is no such interface is a fingerprint, too. @nft: a NETLINK_FOR_NFTABLES
 * connection. Code 101. */
int fingerprint_take(struct netlink *rtnl, struct netlink *nft,
		     const struct fingerprint_of *of, struct fingerprint *ret_fingerprint,
		     struct cni_error *err);

#endif
