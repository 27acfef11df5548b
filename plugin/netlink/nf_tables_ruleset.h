/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other programs' rules of nftables: the base chains of the namespace, and the rules of
 * those chains that are asked for. Each chain is read once, and kept. See
 * linux/netfilter/nf_tables.h.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_RULESET_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_RULESET_H

#include <net/if.h>

#include "netlink.h"
#include "nf_tables.h"
#include "nf_tables_set_answer.h"

struct nlattr;

#define NFT_DEVICES_MAX 16 /* of a chain; what is beyond isn't known */

/* A chain that hooks into the way of packets. */
struct nft_base_chain {
	int family; /* NFPROTO_INET, … */
	char table[NFT_NAME_MAX], chain[NFT_NAME_MAX];
	unsigned int hook; /* NF_INET_FORWARD, …; NF_NETDEV_INGRESS, … */
	int priority;
	bool is_nat; /* sees the first packet of a connection alone */
	bool policy_drops;
	bool dormant; /* its table is: no packet comes by */
	char devices[NFT_DEVICES_MAX]
		    [IF_NAMESIZE + 1]; /* hooks of devices; "eth*": all such */
	size_t devices_n;
};

struct nft_rule_text {
	struct nlattr *expressions; /* NFTA_RULE_EXPRESSIONS; NULL: it has none */
	uint64_t handle;
	char comment[NFT_COMMENT_MAX];
};

struct nft_chain_rules {
	int family;
	char table[NFT_NAME_MAX], chain[NFT_NAME_MAX];
	struct nft_rule_text *items;
	size_t n;
};

struct nft_ruleset {
	struct netlink *nl; /* borrowed: a NETLINK_FOR_NFTABLES connection */
	struct {
		struct nft_base_chain *items;
		size_t n;
	} bases;
	void *chains; /* tsearch(3), of struct nft_chain_rules */
	struct nft_set_answers answers;
};
void nft_ruleset_clear(struct nft_ruleset *ruleset);

/* Lists the base chains. -EPERM for who isn't root. Codes 100, 101. */
int nft_ruleset_open(struct netlink *nl, struct nft_ruleset *ret_ruleset,
		     struct cni_error *err);

/* Gives the rules of a chain, which the ruleset owns; a chain that isn't there has none.
 * Codes 100, 101. */
int nft_ruleset_rules(struct nft_ruleset *ruleset, int family, const char *table,
		      const char *chain, const struct nft_chain_rules **ret_rules,
		      struct cni_error *err);

/* Is there a chain of that name (NULL: a table)? */
bool nft_ruleset_has(struct nft_ruleset *ruleset, int family, const char *table,
		     const char *chain);

#endif
