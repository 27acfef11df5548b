/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The destinations to which pods keep their own address (nonMasqueradeCIDRs): what the
 * administrator names, the cluster's podCIDRs, and with --masquerade-nodes false the
 * other nodes' addresses.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_PLAIN_LIST_H
#define BRIDGE_CNI_AGENT_NODE_PLAIN_LIST_H

#include "conflist_template.h"
#include "deploy/agent/api/node_table.h"
#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"

/* Zero-initialise it. */
struct plain_list {
	struct prefix_list prefixes; /* items owned; at most NON_MASQUERADE_MAX */
	/* How many found no place: podCIDRs, and nodes' addresses, which come last. */
	size_t cidrs_left, nodes_left;
};
void plain_list_clear(struct plain_list *list);

/* Makes the list, whose podCIDRs were judged. The caller clears it. Code 100. */
int plain_list_make(const struct options *options,
		    const struct conflist_template *template,
		    const struct node_table *nodes, struct plain_list *ret_list,
		    struct cni_error *err);

/* Logs what found no place in the list, unless that was so @before, too. */
void plain_list_tell(const struct plain_list *list, const struct plain_list *before,
		     const struct log *log);

#endif
