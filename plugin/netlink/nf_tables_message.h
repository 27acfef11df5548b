/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the files that build messages about elements. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MESSAGE_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MESSAGE_H

#include <linux/netfilter/nfnetlink.h>

#include "nf_tables_element.h"

#define NFT_MESSAGE(type) ((NFNL_SUBSYS_NFTABLES << 8) | (type))

/* Puts the first of @elements, and as many of the next as there is room for and are of the
 * same set, into a message; @ret_n: how many. -ENOMEM. */
int nft_elements_put(struct nl_msg *msg, const struct nft_element *elements, size_t n,
		     size_t *ret_n);

#endif
