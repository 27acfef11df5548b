/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Orders of the Nodes of a table: by podCIDR and by InternalIP. Most lists that are made of
 * the table are to be in one of these, and to sort each of them for each change takes a
 * fifth of the time of the change. A list that is made in such an order is right but for a
 * few items, which byte_sort.h puts in their places.
 */
#ifndef BRIDGE_CNI_AGENT_API_NODE_ORDERS_H
#define BRIDGE_CNI_AGENT_API_NODE_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"

/* By family: the places of all Nodes in the table, each once. They are in the order of what
 * Nodes had when node_orders_make() was called last, those that had none first; Nodes that
 * are new since are behind them. Zero-initialise it. */
struct node_orders {
	uint32_t *cidrs[IP_FAMILIES], *addresses[IP_FAMILIES]; /* owned */
};
void node_orders_clear(struct node_orders *orders);

/* Gives the podCIDR or the InternalIP, with a length of 0, of the Node at a place. Family 0:
 * it has none. */
typedef struct ip_prefix (*node_key_fn)(const void *nodes, uint32_t at, int family,
					bool cidr);

/* Brings the orders of @n Nodes up to date. Without memory for that they stay as they are. */
void node_orders_make(struct node_orders *orders, size_t n, node_key_fn fn,
		      const void *nodes);

/* Makes room for @size Nodes. -ENOMEM. */
int node_orders_grow(struct node_orders *orders, size_t size);

/* There were @n Nodes, and one was added at this place, or removed from
 * it. */
void node_orders_insert(struct node_orders *orders, size_t n, size_t at);
void node_orders_remove(struct node_orders *orders, size_t n, size_t at);

/* Many Nodes have changed their places, and @n are left. */
void node_orders_reset(struct node_orders *orders, size_t n);

#endif
