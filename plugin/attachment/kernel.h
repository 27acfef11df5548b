/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What IPAM asks of the kernel (struct ipam_kernel), answered on an operation's node. */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_KERNEL_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_KERNEL_H

#include "ipam/ipam.h"
#include "plugin/node/pod_ns.h"

#define BOOT_ID_MAX 40 /* a UUID's text, with the NUL */

struct kernel {
	struct ipam_kernel ipam;
	const struct node *node;
	const struct pod_ns *pod_ns; /* whose record is written; NULL: none is open */
	char boot_id[BOOT_ID_MAX];
};

/* Reads the boot ID alone: for an operation that has no interfaces to look at. */
void kernel_boot_only(struct kernel *ret_kernel);

/* And answers about interfaces and namespaces through @node, which has to stay open. */
void kernel_open(const struct node *node, struct kernel *ret_kernel);

#endif
