/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cluster's nodes as this agent knows them: a table by name, and nothing of a Node that
 * routes don't need. */
#ifndef BRIDGE_CNI_AGENT_NODE_TABLE_H
#define BRIDGE_CNI_AGENT_NODE_TABLE_H

#include <stdint.h>

#include "conf/net_conf.h"
#include "node_object.h"

struct cluster_node {
	char *name; /* owned */
	struct ip_prefix cidrs[FAMILIES];
	struct ip_addr addresses[FAMILIES];
	bool v6_first;
	uint32_t round; /* of the list that named it last */
};

struct node_table {
	struct cluster_node *items; /* sorted by name */
	size_t n, size;
	uint32_t round;
};

void node_table_clear(struct node_table *table);

const struct cluster_node *node_table_find(const struct node_table *table,
					   const char *name);

/* Takes what the API server says of a node. 1: that is news, 0: it isn't, -ENOMEM. */
int node_table_set(struct node_table *table, const struct node_object *node);

/* Its Node is there, but can't be understood: what was known of it stays. */
void node_table_keep(struct node_table *table, const char *name);

/* 1: it was there. */
int node_table_remove(struct node_table *table, const char *name);

/* A list begins; and is complete: who wasn't named since is gone. Returns how many. */
void node_table_list_begin(struct node_table *table);
size_t node_table_list_end(struct node_table *table);

/*
 * All podCIDRs and those of @more, as few prefixes as cover exactly them, sorted: for
 * destinations that keep the pod's address. -ENOMEM. The caller frees the items.
 */
int node_table_cidrs(const struct node_table *table, const struct prefix_list *more,
		     struct prefix_list *ret_list);

#endif
