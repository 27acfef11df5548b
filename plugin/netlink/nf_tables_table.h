/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of nftables as wholes. A table is born dormant where its rules must not see a
 * packet before its sets are filled: woken, all of it takes effect at once.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_TABLE_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_TABLE_H

#include <stdint.h>

#include "netlink.h"

enum nft_table_state {
	NFT_TABLE_NONE,
	NFT_TABLE_DORMANT, /* its chains are not hooked in */
	NFT_TABLE_AWAKE,
};

/* Looks a table up by its name. @nl: a NETLINK_FOR_NFTABLES connection. @family:
 * NFPROTO_INET, …. Code 101. */
int nft_table_look(struct netlink *nl, int family, const char *table,
		   enum nft_table_state *ret_state, struct cni_error *err);

/* Ends a table's dormancy; one that is awake stays so. -ENOENT: there is none. Code
 * 101. */
int nft_table_wake(struct netlink *nl, int family, const char *table,
		   struct cni_error *err);

/* Deletes a table with all that it has. Returns 1 where there was one, else 0. Code
 * 101. */
int nft_table_del(struct netlink *nl, int family, const char *table,
		  struct cni_error *err);

/*
 * Reads the number of the ruleset's generation. Each transaction of anybody in this
 * namespace counts it up: where it is the same as before, nothing has changed. Code 101.
 */
int nft_generation(struct netlink *nl, uint32_t *ret_generation, struct cni_error *err);

#endif
