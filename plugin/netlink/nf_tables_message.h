/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets, elements and comments in messages, for the files that send and read those. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MESSAGE_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MESSAGE_H

#include <linux/netfilter/nfnetlink.h>

#include "netlink.h"
#include "nf_tables_element.h"

#define NFT_MESSAGE(type) ((NFNL_SUBSYS_NFTABLES << 8) | (type))

/* Puts the first of @elements, and as many of the next as there is room for and are of the
 * same set, into a message; @ret_n: how many. -ENOMEM. */
int nft_elements_put(struct nl_msg *msg, const struct nft_element *elements, size_t n,
		     size_t *ret_n);

/* Begins a message about elements: its header, and the set. -ENOMEM. */
int nft_set_put(struct nl_msg *msg, const struct nft_set *set);

/* Reads key, end, data and comment of an element; the set stays. -EBADMSG. */
struct nlattr;
int nft_element_read(struct nlattr *item, struct nft_element *element);

/* The comment among an object's user data; "" without one. */
void nft_comment_read(const struct nlattr *userdata, char ret_comment[NFT_COMMENT_MAX]);

#endif
