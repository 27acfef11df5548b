/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the chains of nftables, iptables-nft's included, that drop a packet at a hook. No
 * packet is sent. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_HOOKS_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_HOOKS_H

#include "chain_walk.h"
#include "nf_tables_ruleset.h"
#include "packet.h"

/* A chain that drops or rejects the packet, or may do so. */
struct hook_drop {
	const struct nft_base_chain *base; /* of the ruleset */
	struct chain_walked walked;
};
struct hook_drop_list {
	struct hook_drop *items;
	size_t n;
	bool marks; /* a chain of the hook gives such packets a mark, or may do so */
};

/* Adds the hook's chains that drop the packet to @list, whose items the caller frees. Codes
 * 100, 101. */
int nft_hook_drops(struct nft_ruleset *ruleset, const struct packet_hook *hook,
		   const struct packet *packet, struct hook_drop_list *list,
		   struct cni_error *err);

/* "inet", "bridge", … */
const char *nft_family_name(int family);

/* "forward", "ingress", … */
const char *nft_hook_name(const struct nft_base_chain *base);

#endif
