/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Orders of the Nodes of a table: by podCIDR, by InternalIP and by MAC address. Most lists
 * that are made of the table are to be in one of these, and to sort each of them for each
 * change takes a fifth of the time of the change. A list that is made in such an order needs
 * no sorting, and Nodes that have the same are side by side in it.
 */
#ifndef BRIDGE_CNI_AGENT_API_NODE_ORDERS_H
#define BRIDGE_CNI_AGENT_API_NODE_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"

/* The orders of IPv4, behind each of which is that of IPv6, and the one of MAC addresses. */
#define NODE_ORDER_CIDRS     0
#define NODE_ORDER_ADDRESSES IP_FAMILIES
#define NODE_ORDER_MACS	     (2 * IP_FAMILIES)
#define NODE_ORDERS	     (2 * IP_FAMILIES + 1)

/* Zero-initialise it. */
struct node_orders {
	/* The places of all Nodes in the table, each once, in the order of what they have;
	 * those that have none are first. By family where there are two. */
	uint32_t *cidrs[IP_FAMILIES], *addresses[IP_FAMILIES], *macs; /* owned */
	bool mixed; /* the lists are in any order, until node_orders_sort() */
};
void node_orders_clear(struct node_orders *orders);

/* The key of a Node in one of the orders: its podCIDR, InternalIP or MAC address, as bytes
 * in the order of memcmp(3). */
struct node_key {
	uint8_t bytes[sizeof(struct ip_prefix)];
};

/* Gives the key of the Node at the place @at: all zero where the Node has none. */
typedef struct node_key (*node_key_fn)(const void *nodes, uint32_t at, int order);

/* Makes room for @size Nodes. -ENOMEM. */
int node_orders_grow(struct node_orders *orders, size_t size);

/* There were @n Nodes, and one was added at this place, or removed from it. One that was
 * added is put in order by node_orders_place(), or by node_orders_sort(). */
void node_orders_insert(struct node_orders *orders, size_t n, size_t at);
void node_orders_remove(struct node_orders *orders, size_t n, size_t at);

/* Many Nodes have changed their places in the table, and @n are left: node_orders_sort() is
 * to be called. */
void node_orders_reset(struct node_orders *orders, size_t n);

/* The function moves one of the @n Nodes, the one at the place @at, to where its changed keys
 * belong in each order. It does nothing where node_orders_sort() is to be called. */
void node_orders_place(struct node_orders *orders, size_t n, size_t at, node_key_fn fn,
		       const void *nodes);

/* Many Nodes get something else than before: node_orders_sort() is to be called behind the
 * last one, and node_orders_place() does nothing until then. */
void node_orders_mix(struct node_orders *orders);

/* Sorts lists that are in any order. -ENOMEM: they still are. */
int node_orders_sort(struct node_orders *orders, size_t n, node_key_fn fn,
		     const void *nodes);

#endif
