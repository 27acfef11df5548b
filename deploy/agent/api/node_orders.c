/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A Node that is new, or has something else than before, is put into its place in each order.
 * While all Nodes are listed that waits for the last one: then each order is sorted once. */
#include "node_orders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/util.h"
#include "deploy/agent/base/byte_sort.h"
#include "deploy/agent/base/fetch.h"

static uint32_t **list_at(struct node_orders *orders, int order)
{
	if (order == NODE_ORDER_MACS)
		return &orders->macs;
	return order < NODE_ORDER_ADDRESSES
		       ? &orders->cidrs[order]
		       : &orders->addresses[order - NODE_ORDER_ADDRESSES];
}

void node_orders_clear(struct node_orders *orders)
{
	for (int i = 0; i < NODE_ORDERS; i++)
		free(*list_at(orders, i));
	*orders = (struct node_orders){};
}

int node_orders_grow(struct node_orders *orders, size_t size)
{
	for (int i = 0; i < NODE_ORDERS; i++) {
		uint32_t **list = list_at(orders, i), *grown;

		grown = reallocarray(*list, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*list = grown;
	}
	return 0;
}

void node_orders_insert(struct node_orders *orders, size_t n, size_t at)
{
	for (int i = 0; i < NODE_ORDERS; i++) {
		uint32_t *list = *list_at(orders, i);

		for (size_t k = 0; at < n && k < n; k++)
			list[k] += list[k] >= at;
		list[n] = (uint32_t)at;
	}
}

void node_orders_remove(struct node_orders *orders, size_t n, size_t at)
{
	for (int i = 0; i < NODE_ORDERS; i++) {
		uint32_t *list = *list_at(orders, i);
		size_t kept = 0;

		for (size_t k = 0; k < n; k++)
			if (list[k] != at)
				list[kept++] = list[k] - (list[k] > at);
	}
}

void node_orders_reset(struct node_orders *orders, size_t n)
{
	for (int i = 0; i < NODE_ORDERS; i++)
		for (size_t k = 0; k < n; k++)
			(*list_at(orders, i))[k] = (uint32_t)k;
	orders->mixed = true;
}

void node_orders_mix(struct node_orders *orders)
{
	orders->mixed = true;
}

/* Brings @at to its place among the @n Nodes of a list, of which all others are in order. */
static void place(uint32_t *list, size_t n, uint32_t at, int order, node_key_fn fn,
		  const void *nodes)
{
	struct node_key key = fn(nodes, at, order);
	size_t is = 0, low = 0, high = n - 1;

	while (list[is] != at)
		is++;
	memmove(list + is, list + is + 1, (n - 1 - is) * sizeof(*list));
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct node_key other = fn(nodes, list[middle], order);

		if (bytes_cmp(&other, &key, sizeof(key)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	memmove(list + low + 1, list + low, (n - 1 - low) * sizeof(*list));
	list[low] = at;
}

void node_orders_place(struct node_orders *orders, size_t n, size_t at, node_key_fn fn,
		       const void *nodes)
{
	for (int i = 0; !orders->mixed && i < NODE_ORDERS; i++)
		place(*list_at(orders, i), n, (uint32_t)at, i, fn, nodes);
}

struct ordered {
	struct node_key key;
	uint32_t node;
};

int node_orders_sort(struct node_orders *orders, size_t n, node_key_fn fn,
		     const void *nodes)
{
	_cleanup_(free_p) struct ordered *sorted = NULL;

	if (!orders->mixed)
		return 0;
	sorted = reallocarray(NULL, n + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (int i = 0; i < NODE_ORDERS; i++) {
		uint32_t *list = *list_at(orders, i);

		for (size_t k = 0; k < n; k++)
			sorted[k] = (struct ordered){fn(nodes, list[k], i), list[k]};
		BYTE_SORT(sorted, n, struct ordered, key);
		for (size_t k = 0; k < n; k++)
			list[k] = sorted[k].node;
	}
	orders->mixed = false;
	return 0;
}
