/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells whether a question to the kernel would make it load a module. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_KERNEL_HAS_H
#define BRIDGE_CNI_PLUGIN_NODE_KERNEL_HAS_H

#include <stdbool.h>

/*
 * Is nf_tables in the kernel, built in or loaded? Where it isn't, nobody has a rule of
 * nftables, and whoever asked for one would have it loaded. Where the kernel loads no
 * modules at all, the answer is true: then asking does no harm.
 */
bool kernel_has_nf_tables(void);

/* The same of bridges, and of what lists connections (nf_conntrack_netlink). */
bool kernel_has_bridge(void);
bool kernel_has_ctnetlink(void);

#endif
