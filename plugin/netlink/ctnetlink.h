/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel remembers of connections, forgotten over ctnetlink. See
 * linux/netfilter/nfnetlink_conntrack.h. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_CTNETLINK_H
#define BRIDGE_CNI_PLUGIN_NETLINK_CTNETLINK_H

#include <stdbool.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* A pattern for one direction of a connection. 0 and family 0 match anything. A last port
 * that isn't 0 makes a range of it and the first. */
struct conntrack_side {
	struct ip_addr src, dst;
	uint8_t protocol;
	uint16_t src_port, src_port_last, dst_port, dst_port_last;
};

struct conntrack_match {
	int family;
	struct conntrack_side orig, reply; /* as its first packet, as an answer */
	bool untranslated; /* no address or port of it is, either way */
};

/*
 * Deletes the connections that match any of @matches, which are of one family. IPv4's the
 * kernel looks for itself since Linux 6.11, which takes it 0.2 ms and 0.5 µs a connection of
 * the node. Others, ranges of ports and more than 64 are listed first, 10 ms or more.
 * @nl: a NETLINK_FOR_NFTABLES connection. -EOPNOTSUPP, no error set: it can't, and they are
 * not @listed. Code 101, a kernel without ctnetlink (EINVAL) included.
 */
int conntrack_delete(struct netlink *nl, const struct conntrack_match *matches, size_t n,
		     bool listed, struct cni_error *err);

#endif
