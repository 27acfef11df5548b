/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short looks at our own nftables objects by nfnetlink messages. libnftables would read
 * the node's whole ruleset before it does anything. See linux/netfilter/nf_tables.h. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "nf_tables_lookup.h"
#include "nf_tables_transaction.h"

#define NFT_NAME_MAX 256 /* of a table, chain or set, with the NUL */

/* Called for a rule: with its chain, its handle and its comment ("" without one). */
typedef int (*nft_rule_fn)(const char *chain, uint64_t handle, const char *comment,
			   void *data);

/* Called for a set or map, with its name. */
typedef int (*nft_set_fn)(const char *name, void *data);

/* Hands the names of the table's sets and maps to @fn. Before the first one, and whenever
 * the list starts again, @fn is called with NULL. Codes 100, 101. */
int nft_table_sets(struct netlink *nl, int family, const char *table, nft_set_fn fn,
		   void *data, struct cni_error *err);

/* A key that is looked for in a set of the table. */
struct nft_probe {
	struct nft_set set;
	struct nft_value key;
};

struct nft_probes {
	const struct nft_probe *items;
	size_t n;
	size_t found; /* out: in how many of the sets it is */
};

/*
 * Hands every rule of @table to @fn, in order; with @chain only those of that chain.
 * Before the first one, and whenever the list starts again, @fn is called with handle 0;
 * rules start at 1. A table that doesn't exist has no rules. The questions of @probes go
 * along in the same send. Codes 100, 101.
 * @nl: a NETLINK_FOR_NFTABLES connection. @family: NFPROTO_INET, ….
 */
int nft_table_rules(struct netlink *nl, int family, const char *table, const char *chain,
		    struct nft_probes *probes, nft_rule_fn fn, void *data,
		    struct cni_error *err);

/* Hands the rules of one chain to @fn in the same way. */
int nft_chain_rules(struct netlink *nl, int family, const char *table, const char *chain,
		    nft_rule_fn fn, void *data, struct cni_error *err);

/* The same, but only with those rules of the chain that jump (or go) to chain @target. */
int nft_chain_jumps(struct netlink *nl, int family, const char *table, const char *chain,
		    const char *target, nft_rule_fn fn, void *data,
		    struct cni_error *err);

/* Looks one chain up by its name, or with @chain NULL the table; nothing is listed. Code
 * 101. */
int nft_exists(struct netlink *nl, int family, const char *table, const char *chain,
	       bool *ret_exists, struct cni_error *err);

#endif
