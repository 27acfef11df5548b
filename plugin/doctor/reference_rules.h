/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules that the reference plugins (containernetworking/plugins) have made for pods, as
 * they are found on the node. */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_REFERENCE_RULES_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_REFERENCE_RULES_H

#include "conf/base/addr.h"
#include "plugin/netlink/nf_tables_ruleset.h"

enum reference_kind {
	REFERENCE_MASQUERADES, /* what a pod sends */
	REFERENCE_LEADS, /* from host ports to a pod */
	REFERENCE_KINDS
};

/* A pod's rule, or the one that leads to the pod's own chain. */
struct reference_rule {
	enum reference_kind kind;
	bool legacy; /* of iptables-legacy */
	int family; /* NFPROTO_IPV4, NFPROTO_IPV6, or NFPROTO_INET */
	struct ip_addr pod; /* its address */
	const char *table, *in_chain; /* where it stands */
	uint64_t handle; /* of nftables; 0 of iptables-legacy */
	char chain[32]; /* of the pod's own; "": it has none */
	char comment[NFT_COMMENT_MAX]; /* where it has no chain, this says whose it is */
};

struct reference_rule_list {
	struct reference_rule *items;
	size_t n;
};

/* Lists them. @nft NULL: nobody has rules of nftables. Codes 100, 101. */
int reference_rules_read(struct nft_ruleset *nft, struct reference_rule_list *ret_list,
			 struct cni_error *err);

#endif
