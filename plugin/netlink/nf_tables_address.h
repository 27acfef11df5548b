/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which addresses does a rule of nftables, or of iptables-nft, name? */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_ADDRESS_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_ADDRESS_H

#include "chain_walk.h"
#include "conf/base/addr.h"

struct nlattr;

struct rule_addresses {
	struct ip_addr source; /* that it compares the source with; family 0: none */
	struct ip_addr target; /* that it translates the destination to; family 0: none */
	char chain[CHAIN_NAME_MAX]; /* that it jumps to; "": none */
};

/* @expressions: NFTA_RULE_EXPRESSIONS; NULL: the rule has none. @six: its packets are
 * IPv6's, where the rule itself doesn't say it. */
struct rule_addresses rule_addresses(struct nlattr *expressions, bool six);

/* The address in the data of iptables' target DNAT, of @len bytes; family 0: none. */
struct ip_addr xt_dnat_address(const void *info, size_t len, unsigned int revision,
			       bool six);

#endif
