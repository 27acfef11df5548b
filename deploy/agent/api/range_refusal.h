/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What podCIDRs are held against, and what is told of one that is refused. */
#ifndef BRIDGE_CNI_AGENT_API_RANGE_REFUSAL_H
#define BRIDGE_CNI_AGENT_API_RANGE_REFUSAL_H

#include "node_table.h"
#include "surroundings.h"

struct range_rules {
	const char *own; /* this node's name */
	/* --cluster-cidr: podCIDRs of a family that it has must be inside one of these */
	const struct prefix_list *cluster;
	const struct surroundings *around; /* settled */
	/* All of this is what it was when the table was judged last: then a Node that is
	 * the same is not held against it again. */
	bool same;
};

/* A podCIDR that isn't used. What it points to is valid until the node table changes. */
struct range_refusal {
	const struct cluster_node *node;
	const struct ip_prefix *cidr;
	enum range_verdict why;
	struct ip_prefix rival; /* what is in its way; family 0: nothing */
	const char *rival_node; /* the node that has the rival; "": it is no node's */
	const char *rival_interface; /* the interface of this node that has it, or "" */
};
typedef void (*range_refusal_fn)(const struct range_refusal *refusal, void *data);

#endif
