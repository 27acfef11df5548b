/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What IPAM asks of the kernel (struct ipam_kernel), answered on an operation's node. */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_KERNEL_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_KERNEL_H

#include "ipam/ipam.h"
#include "plugin/node/node.h"

#define BOOT_ID_MAX 40 /* a UUID's text, with the NUL */

struct kernel {
	struct ipam_kernel ipam;
	char boot_id[BOOT_ID_MAX];
};

/* Reads the boot ID alone: for an operation that has no interfaces to look at. */
void kernel_boot_only(struct kernel *ret_kernel);

/* And answers about interfaces and namespaces through @node, whose pod may be open. */
void kernel_open(struct node *node, struct kernel *ret_kernel);

/* Opens the node for @work, and closes it. Code 101, and those of @work. */
int kernel_run(struct attachment *net,
	       int (*work)(struct attachment *net, struct cni_error *err),
	       struct cni_error *err);

#endif
