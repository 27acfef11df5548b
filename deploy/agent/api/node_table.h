/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cluster's nodes as this agent knows them: a table by name, with nothing of a Node
 * but what routes and the configuration list need.
 */
#ifndef BRIDGE_CNI_AGENT_API_NODE_TABLE_H
#define BRIDGE_CNI_AGENT_API_NODE_TABLE_H

#include <stdint.h>

#include "conf/network.h"
#include "deploy/agent/base/fetch.h"
#include "former_ranges.h"
#include "node_object.h"
#include "node_orders.h"
#include "range_verdict.h"

/* There are thousands, so the small fields stand together. Fields that struct node_object
 * has, too, are the same here. */
struct cluster_node {
	char *name; /* owned */
	uint64_t created;
	struct ip_addr *more; /* owned */
	char *annotations; /* the bytes of annotation_texts; owned; NULL: there are none */
	/* When the annotations were told: a smaller number came before. All that one list
	 * has told have the same. */
	uint64_t annotated;
	uint32_t round; /* the table's, of the list that named the node last */
	uint16_t annotations_len;
	struct ip_prefix cidrs[IP_FAMILIES];
	struct ip_addr addresses[IP_FAMILIES];
	/* Verdicts on @cidrs and @addresses, by pod_ranges_judge(); unknown where they
	 * are new. */
	enum range_verdict ranges[IP_FAMILIES];
	enum address_verdict internal[IP_FAMILIES];
	uint8_t n_more;
	bool address_v6_first : 1;
	bool v6_first : 1;
	bool odd_annotation : 1; /* there is one that counts as absent */
	uint8_t mac[MAC_LEN]; /* node_mac() */
};

/* Zero-initialise it. */
struct node_table {
	struct cluster_node *items; /* sorted by name */
	size_t n, size;
	struct node_orders orders; /* of all items */
	uint32_t round; /* how many lists have begun */
	bool listing; /* a list isn't complete yet */
	uint64_t annotated; /* the last number of @annotated of Nodes */
	struct former_ranges former; /* accepted podCIDRs that Nodes have lost */
};

void node_table_clear(struct node_table *table);

/* Fetches what loops over an order look at: podCIDRs, InternalIPs and their verdicts. */
static inline void node_fetch(const struct cluster_node *node)
{
	fetch(node->cidrs, offsetof(struct cluster_node, n_more) -
				   offsetof(struct cluster_node, cidrs));
}

/* Gives the Node at the place @i of one of the table's orders, for a loop over the order. */
static inline struct cluster_node *node_ordered(const struct node_table *table,
						const uint32_t *order, size_t i)
{
	if (i + FETCH_AHEAD < table->n)
		node_fetch(&table->items[order[i + FETCH_AHEAD]]);
	return &table->items[order[i]];
}

/* The text of the annotation @index of those that are asked for; NULL: the Node has none.
 * It is valid until the table changes. */
const char *node_annotation(const struct cluster_node *node, size_t index);

/* NULL: there is none of that name. What is found is valid until the table changes. */
const struct cluster_node *node_table_find(const struct node_table *table,
					   const char *name);

/* A node that has an accepted podCIDR with addresses of @prefix in it; NULL: there is
 * none. */
const struct cluster_node *node_table_overlap(const struct node_table *table,
					      const struct ip_prefix *prefix);

/* An outcome of node_table_set(). */
#define NODE_TABLE_CHANGED 1

/*
 * Takes what the API server says of a node. NODE_TABLE_CHANGED: the table says something
 * else of it now, 0: it had said the same. Code 100.
 */
int node_table_set(struct node_table *table, const struct node_object *node,
		   struct cni_error *err);

/* Tells that a Node is there, but can't be understood: what was known of it stays. */
void node_table_keep(struct node_table *table, const char *name);

/* True: there was a node of that name. */
bool node_table_remove(struct node_table *table, const char *name);

/* Brings the orders up to date, which may be needed where a list has begun. Code 100: they
 * aren't to be used. */
int node_table_order(struct node_table *table, struct cni_error *err);

/* A list of all nodes begins. */
void node_table_list_begin(struct node_table *table);

/* The list is complete: nodes that it hasn't named are removed. Returns how many. */
size_t node_table_list_end(struct node_table *table);

/* InternalIPs of all nodes but the one named @own, as few prefixes as cover exactly them,
 * sorted by address. The caller frees the items. Code 100. */
int node_table_addresses(const struct node_table *table, const char *own,
			 struct prefix_list *ret_list, struct cni_error *err);

/*
 * All accepted podCIDRs and those of @more, and with @former also former ones that are
 * routed, as few prefixes as cover exactly them, sorted by address: the destinations to
 * which pods keep their own address. The caller frees the items. Code 100.
 */
int node_table_cidrs(const struct node_table *table, const struct prefix_list *more,
		     bool former, struct prefix_list *ret_list, struct cni_error *err);

#endif
