/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of a packet that the node forwards: walks the chains of nftables that the
 * hook forward has, iptables-nft's included, as the kernel walks them. Nothing is sent.
 * See linux/netfilter/nf_tables.h.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_FORWARD_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_FORWARD_H

#include "nf_tables_match.h"

/* A chain of the hook forward that drops or rejects the packet. */
struct forward_drop {
	int family; /* NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6 */
	char table[NFT_NAME_MAX], chain[NFT_NAME_MAX];
	char by[NFT_NAME_MAX]; /* the chain whose rule drops it; "": the chain's policy */
	/* A rule before it might accept the packet: what it matches isn't known here. */
	bool unsure;
	/* Whether it drops the packet isn't known: a rule of the chain @by looks into a set
	 * or a map, or there are more rules than are looked at. */
	bool perhaps;
	/* It has jumped to a chain of this name's beginning: a program is known by it. */
	bool of_docker, of_ufw, of_firewalld;
};
struct forward_drop_list {
	struct forward_drop *items;
	size_t n;
};

/*
 * Finds the chains that drop the packet; those of the table @except are passed over.
 * Rules that drop some packets by what differs from one to the other (ports, marks) are
 * passed over, too. @nl: a NETLINK_FOR_NFTABLES connection. -EPERM for who isn't root. Codes
 * 100, 101. The caller frees the items.
 */
int nft_forward_drops(struct netlink *nl, const struct forwarded_packet *packet,
		      const char *except, struct forward_drop_list *ret_list,
		      struct cni_error *err);

#endif
