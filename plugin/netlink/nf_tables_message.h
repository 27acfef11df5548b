/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the files that build and read messages about elements: how these look in a
 * message. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MESSAGE_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MESSAGE_H

#include "build.h"
#include "nf_tables_element.h"

/* Puts the first of @elements into a message that has its header, and as many of the next
 * as there is room for and are of the same set. @ret_n: how many they are, at least 1. */
void put_elements(struct builder b, const struct nft_element *elements, size_t n,
		  size_t *ret_n);

/* Reads key, end, data, comment and packets of the element in the attribute @item. -EBADMSG. */
int nft_element_read(struct nlattr *item, struct nft_element *ret_element);

/* Reads the comment out of the user data of a rule or an element; "" where there is
 * none. */
void nft_comment_read(const struct nlattr *userdata, char ret_comment[NFT_COMMENT_MAX]);

#endif
