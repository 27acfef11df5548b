/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the files that speak with the subsystems of nfnetlink: nf_tables, conntrack. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NFNETLINK_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NFNETLINK_H

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>

#include "build.h"

/* The type of a message of a subsystem: NFNL_TYPE(NFTABLES, NFT_MSG_GETRULE). */
#define NFNL_TYPE(subsystem, type) ((NFNL_SUBSYS_##subsystem << 8) | (type))

/* Starts a message about objects of @family (NFPROTO_INET, AF_INET). */
static inline struct builder begin_nfnl(struct netlink *nl, struct nlmsghdr *msg,
					int family)
{
	struct nfgenmsg header = {.nfgen_family = family, .version = NFNETLINK_V0};

	return begin(nl, msg, &header, sizeof(header));
}

static inline void queue_nftables_edge(struct netlink *nl, int type, const char *what)
{
	struct nfgenmsg header = {
		.version = NFNETLINK_V0,
		.res_id = htons(NFNL_SUBSYS_NFTABLES),
	};

	begin(nl, netlink_queue(nl, type, 0, "%s", what), &header, sizeof(header));
}

/* The messages between these two are one transaction of nf_tables, for
 * netlink_commit_batch(). */
static inline void queue_nftables_begin(struct netlink *nl)
{
	queue_nftables_edge(nl, NFNL_MSG_BATCH_BEGIN, "an nftables transaction");
}

static inline void queue_nftables_end(struct netlink *nl)
{
	queue_nftables_edge(nl, NFNL_MSG_BATCH_END, "the end of an nftables transaction");
}

#endif
