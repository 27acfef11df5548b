/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deleting and counting connections of the kernel's connection tracking, over ctnetlink. See
 * linux/netfilter/nfnetlink_conntrack.h. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_CONNTRACK_H
#define BRIDGE_CNI_PLUGIN_NETLINK_CONNTRACK_H

#include <stdbool.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* A pattern for one direction of a connection. A 0, and an address of family 0, match
 * anything. With a last port that isn't 0, the ports are a range, both ends included. */
struct conntrack_side {
	struct ip_addr src, dst;
	uint8_t protocol;
	uint16_t src_port, src_port_last, dst_port, dst_port_last;
};

struct conntrack_match {
	int family;
	/* of its first packet, and of the answer to it */
	struct conntrack_side orig, reply;
	bool untranslated; /* no address and no port of the connection is translated */
};

#define CONNTRACK_NOT_DELETED 1

/*
 * Deletes the connections that match any of @matches, which are of one family. Since
 * Linux 6.11 the kernel itself finds those of IPv4, in 0.2 ms and 0.5 µs for each
 * connection of the node. It can't find those of IPv6, and none by a range of ports or by
 * more than 64 matches: all connections are listed then, which takes 10 ms or more.
 * Returns CONNTRACK_NOT_DELETED where that would be needed, but not @may_list.
 * @nl: a NETLINK_FOR_NFTABLES connection. Code 101, also for a kernel without ctnetlink
 * (EINVAL).
 */
int conntrack_delete(struct netlink *nl, const struct conntrack_match *matches, size_t n,
		     bool may_list, struct cni_error *err);

/* Counts the connections that match any of @matches, which are of one family: all of the
 * node's are listed. @nl as above. Code 101. */
int conntrack_count(struct netlink *nl, const struct conntrack_match *matches, size_t n,
		    size_t *ret_n, struct cni_error *err);

#endif
