/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flowtables of nftables: tables of connections whose packets the kernel sends on as soon
 * as they come in by one of the flowtable's devices. See nf_flowtable.rst in the kernel's
 * documentation.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_FLOWTABLE_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_FLOWTABLE_H

#include "netlink.h"

#define NFT_NO_FLOWTABLE 1

/* Is given the name of a device. Returns 0, or -errno, which ends the reading. */
typedef int (*nft_device_fn)(const char *device, void *data);

/*
 * Calls @fn for each device of a flowtable. A device that was deleted is none of them, and
 * doesn't become one when it is made anew. @nl: a NETLINK_FOR_NFTABLES connection.
 * @family: NFPROTO_INET, …. Returns NFT_NO_FLOWTABLE where there is no such flowtable or
 * table. Code 101.
 */
int nft_flowtable_devices(struct netlink *nl, int family, const char *table,
			  const char *flowtable, nft_device_fn fn, void *data,
			  struct cni_error *err);

/* Deletes a flowtable, and with it what it knows of connections, which go the usual way
 * from then on. -EBUSY: a rule uses it. NFT_NO_FLOWTABLE and code 101 as above. */
int nft_flowtable_del(struct netlink *nl, int family, const char *table,
		      const char *flowtable, struct cni_error *err);

#endif
