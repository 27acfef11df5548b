/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of the node's network configuration list. What it says follows from the
 * template, the options, the cluster's podCIDRs, and what the list before it said of what
 * these leave open.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_CONFLIST_TEXT_H
#define BRIDGE_CNI_AGENT_NODE_CONFLIST_TEXT_H

#include "conflist_template.h"
#include "deploy/agent/api/node_table.h"
#include "deploy/agent/base/options.h"
#include "network_names.h"

/* Keys that template and options may leave as the node has them. */
struct conflist_kept {
	bool spoof_check;
	bool routed; /* podLink */
};

/* All that a list is made of; borrowed. */
struct conflist_spec {
	const struct options *options;
	const struct conflist_template
		*template; /* what it says goes before the options */
	const struct conflist_kept *kept; /* decides what both leave open, and podLink */
	const struct cluster_node *own; /* this node */
	const struct prefix_list *plain; /* nonMasqueradeCIDRs (plain_list.h) */
	uint32_t route_mtu; /* of pods' routes that leave the node, in bytes; 0: their
			     * interface's */
};

/* Makes the text, which nobody has validated yet. The caller frees it. Codes 7: the
 * template has a key twice, or with a route_mtu what concerns routes is wrong; 100. */
int conflist_text_make(const struct conflist_spec *spec, char **ret_text,
		       struct cni_error *err);

/* Gives the text of a list that has no more than DEL and `bridge-cni cleanup` need, and
 * takes no new pods. The caller frees it; NULL: memory ran out. */
char *conflist_drained(const struct options *options,
		       const struct network_names *network);

#endif
