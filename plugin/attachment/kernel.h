/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers the questions that IPAM has about the kernel (struct ipam_kernel), on the node
 * of an operation. */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_KERNEL_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_KERNEL_H

#include "ipam/ipam.h"
#include "plugin/node/pod_ns.h"

#define BOOT_ID_MAX 40 /* a UUID's text, with the NUL */

struct kernel {
	struct ipam_kernel ipam;
	struct node *node;
	/* of the pod whose record is written; NULL: none is open */
	const struct pod_ns *pod_ns;
	char boot_id[BOOT_ID_MAX];
};

/* Prepares answers for an operation that has no interfaces to look at: it reads the boot
 * ID alone. */
void kernel_boot_only(struct kernel *ret_kernel);

/* Prepares answers about interfaces and namespaces, too, through @node, which has to stay
 * open. */
void kernel_open(struct node *node, struct kernel *ret_kernel);

#endif
