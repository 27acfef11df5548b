/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Matches of iptables (xt) in rules of nf_tables, which the kernel has for
 * iptables-nft. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_XT_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_XT_H

#include <stddef.h>

#include "netlink.h"

#define NFT_XT_INFO_MAX 256 /* bytes */

/*
 * Makes a rule with the match @name (revision 0) and its data, the @len bytes of @info,
 * in a table that the same transaction deletes: no packet and no listing ever meets it.
 * While the kernel reads the rule it loads the modules that the match needs. The kernel
 * does that for whoever has CAP_NET_ADMIN. @table: a name that nobody else uses, for
 * IPv4; where there is such a table, that is an error and it is left alone. Code 101.
 * @nl: a NETLINK_FOR_NFTABLES connection.
 */
int nft_xt_match_try(struct netlink *nl, const char *table, const char *name,
		     const void *info, size_t len, struct cni_error *err);

#endif
