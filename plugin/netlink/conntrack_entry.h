/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entry that the kernel's connection tracking has of one connection, over ctnetlink. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_CONNTRACK_ENTRY_H
#define BRIDGE_CNI_PLUGIN_NETLINK_CONNTRACK_ENTRY_H

#include <stdbool.h>

#include "flow.h"
#include "netlink.h"

struct conntrack_entry {
	bool exists;
	bool answered; /* an answer was seen */
	bool assured; /* packets have gone both ways */
	/* The answers come from there, for there: the addresses of the flow itself, turned
	 * round, unless they are translated. Ports are 0 for echo requests. */
	struct ip_addr reply_from, reply_to;
	uint16_t reply_from_port, reply_to_port;
};

/* Looks the flow up, as its first packet has come in. @nl: a NETLINK_FOR_NFTABLES
 * connection. Code 101. */
int conntrack_entry_get(struct netlink *nl, const struct flow *flow,
			struct conntrack_entry *ret_entry, struct cni_error *err);

#endif
