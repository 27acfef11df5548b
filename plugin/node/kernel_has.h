/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells whether a question to the kernel would make it load a module. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_KERNEL_HAS_H
#define BRIDGE_CNI_PLUGIN_NODE_KERNEL_HAS_H

#include <stdbool.h>
#include <stddef.h>

/* A part of the kernel that may be a module of its own. */
struct kernel_part {
	const char *module; /* its name */
	const char *symbol; /* of a function of it */
	bool there;
};

/*
 * Fills in for each part whether it is in the kernel, built in or loaded: then using it
 * loads no module. Where the kernel loads no modules at all, all parts count as there:
 * then asking does no harm.
 */
void kernel_parts_find(struct kernel_part *parts, size_t n);

/* Is nf_tables there? Where it isn't, nobody has a rule of nftables. */
bool kernel_has_nf_tables(void);

/* The same of what lists connections (nf_conntrack_netlink). */
bool kernel_has_ctnetlink(void);
/* The same of nftables' rules that ask the connection tracking. */
bool kernel_has_nft_ct(void);
/* The same of nftables' rules of bridges that read or set meta data of a frame. */
bool kernel_has_nft_meta_bridge(void);

#endif
