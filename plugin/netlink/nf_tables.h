/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Short looks at our own nftables objects by nfnetlink messages, past libnftables, which
 * reads the node's whole ruleset before it does anything. See linux/netfilter/nf_tables.h.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "nf_tables_lookup.h"
#include "nf_tables_transaction.h"

#define NFT_NAME_MAX 256 /* of a table, chain or set, with the NUL */

/* One rule: its chain, its handle and its comment ("" without one). */
typedef int (*nft_rule_fn)(const char *chain, uint64_t handle, const char *comment,
			   void *data);

/* One set or map, by its name. */
typedef int (*nft_set_fn)(const char *name, void *data);

/* Hands the names of the table's sets to @fn, after a call with NULL: (again) from the
 * start. */
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
 * Hands every rule of @table to @fn, in order, after a call with handle 0 (rules start at
 * 1): (again) from the start. A table that doesn't exist has no rules. @probes go along in
 * the same send.
 * @nl: a NETLINK_FOR_NFTABLES connection. @family: NFPROTO_INET, ….
 */
int nft_table_rules(struct netlink *nl, int family, const char *table,
		    struct nft_probes *probes, nft_rule_fn fn, void *data,
		    struct cni_error *err);

/* Those of one chain. */
int nft_chain_rules(struct netlink *nl, int family, const char *table, const char *chain,
		    nft_rule_fn fn, void *data, struct cni_error *err);

/* The same for those of its rules alone that jump (or go) to chain @target. */
int nft_chain_jumps(struct netlink *nl, int family, const char *table, const char *chain,
		    const char *target, nft_rule_fn fn, void *data,
		    struct cni_error *err);

/* Looks one chain up by its name, or with @chain NULL the table; nothing is listed. */
int nft_exists(struct netlink *nl, int family, const char *table, const char *chain,
	       bool *ret_exists, struct cni_error *err);

#endif
