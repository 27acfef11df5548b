/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of pod_ranges.h that holds one Node against rules and surroundings, whatever
 * other Nodes have. */
#ifndef BRIDGE_CNI_AGENT_API_RANGE_JUDGE_H
#define BRIDGE_CNI_AGENT_API_RANGE_JUDGE_H

#include "range_refusal.h"
#include "range_tree.h"

/* Claims of a lower rank are granted before those of a higher one. */
enum rank {
	RANK_NONE, /* no claim */
	RANK_OWN_ADDRESS,
	RANK_ACCEPTED, /* the last time; no claim of this rank is in another's way */
	RANK_HELD, /* at the start this node had a route to it, or gave it to pods */
	RANK_ADDRESS_MORE, /* an InternalIP that is not its Node's first */
	RANK_NEW,
	RANK_ADDRESS_OF_CLUSTER, /* an InternalIP where --cluster-cidr expects pods */
	RANK_FORMER, /* what a Node had before; its number is behind those of Nodes */
};

/* The ranks of what a Node claims, each an enum rank. */
struct ranks {
	uint8_t address, range;
};

/* The work on one family. */
struct judge {
	struct node_table *nodes;
	const struct range_rules *rules;
	const struct cluster_node *own; /* NULL: there is none in the table */
	int family; /* an index of ip_families[] */
	bool more; /* Nodes have further InternalIPs */
	struct ranks *ranks; /* by Nodes' places in the table */
	struct claim *claims;
	size_t n;
	struct range_tree tree;
	range_refusal_fn fn; /* may be NULL */
	void *data;
};

/*
 * Judges podCIDR and InternalIP of the Node at this place, and sets the ranks of their
 * claims. A podCIDR that is refused gets its verdict; one that is not keeps the one of the
 * last time, until its claim is granted or refused.
 */
void range_judge_node(struct judge *judge, uint32_t number);

/* Notes the verdict, and tells of it. Of @refusal what is in the way is set. */
void range_judge_refuse(struct judge *judge, struct cluster_node *node,
			enum range_verdict why, struct range_refusal refusal);

#endif
