/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named counters of a table of nftables. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_COUNTERS_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_COUNTERS_H

#include <stdint.h>

#include "netlink.h"

/* Is called for a counter, with its name. Returns 0, or -errno to stop. */
typedef int (*nft_counter_fn)(const char *name, uint64_t packets, void *data);

/*
 * Hands all named counters of @table to @fn. Before the first one, and whenever the list
 * starts again, @fn is called with NULL. A table that doesn't exist has none. @nl: a
 * NETLINK_FOR_NFTABLES connection. @family: NFPROTO_BRIDGE, …. Codes 100, 101.
 */
int nft_table_counters(struct netlink *nl, int family, const char *table,
		       nft_counter_fn fn, void *data, struct cni_error *err);

#endif
