/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys are gathered in the order of the last time, and sorted. Whatever that order was, the
 * new one is right. */
#include "node_orders.h"

#include <errno.h>
#include <stdlib.h>

#include "conf/base/util.h"
#include "deploy/agent/base/byte_sort.h"

#define ORDERS (2 * IP_FAMILIES)

static uint32_t **order_at(struct node_orders *orders, int i)
{
	return i < IP_FAMILIES ? &orders->cidrs[i] : &orders->addresses[i - IP_FAMILIES];
}

void node_orders_clear(struct node_orders *orders)
{
	for (int i = 0; i < ORDERS; i++)
		free(*order_at(orders, i));
	*orders = (struct node_orders){};
}

int node_orders_grow(struct node_orders *orders, size_t size)
{
	for (int i = 0; i < ORDERS; i++) {
		uint32_t **order = order_at(orders, i), *grown;

		grown = reallocarray(*order, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*order = grown;
	}
	return 0;
}

void node_orders_insert(struct node_orders *orders, size_t n, size_t at)
{
	for (int i = 0; i < ORDERS; i++) {
		uint32_t *order = *order_at(orders, i);

		for (size_t k = 0; at < n && k < n; k++)
			order[k] += order[k] >= at;
		order[n] = (uint32_t)at;
	}
}

void node_orders_remove(struct node_orders *orders, size_t n, size_t at)
{
	for (int i = 0; i < ORDERS; i++) {
		uint32_t *order = *order_at(orders, i);
		size_t kept = 0;

		for (size_t k = 0; k < n; k++)
			if (order[k] != at)
				order[kept++] = order[k] - (order[k] > at);
	}
}

void node_orders_reset(struct node_orders *orders, size_t n)
{
	for (int i = 0; i < ORDERS; i++)
		for (size_t k = 0; k < n; k++)
			(*order_at(orders, i))[k] = (uint32_t)k;
}

struct ordered {
	struct ip_prefix key;
	uint32_t node;
};

void node_orders_make(struct node_orders *orders, size_t n, node_key_fn fn,
		      const void *nodes)
{
	_cleanup_(free_p) struct ordered *list = reallocarray(NULL, n + 1, sizeof(*list));

	for (int i = 0; list && i < ORDERS; i++) {
		uint32_t *order = *order_at(orders, i);

		for (size_t k = 0; k < n; k++)
			list[k] = (struct ordered){
				fn(nodes, order[k], i % IP_FAMILIES, i < IP_FAMILIES),
				order[k],
			};
		BYTE_SORT(list, n, struct ordered, key);
		for (size_t k = 0; k < n; k++)
			order[k] = list[k].node;
	}
}
