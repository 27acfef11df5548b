/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The InternalIPs are sorted, as a large cluster has as many routes as Nodes. */
#include "former_adopt.h"

#include <stdlib.h>

struct internal_ip {
	struct ip_addr addr;
	const struct cluster_node *node;
};

struct internal_ips {
	struct internal_ip *items;
	size_t n;
};

static int by_address(const void *a, const void *b)
{
	const struct internal_ip *one = a, *other = b;

	return ip_cmp(&one->addr, &other->addr);
}

static int read_all(const struct node_table *nodes, struct internal_ips *ret_ips,
		    struct cni_error *err)
{
	struct internal_ips ips = {
		.items = calloc(IP_FAMILIES * nodes->n + 1, sizeof(*ips.items))};

	if (!ips.items)
		return error_oom(err);
	for (size_t i = 0; i < nodes->n; i++)
		for (int family = 0; family < IP_FAMILIES; family++)
			if (nodes->items[i].addresses[family].family)
				ips.items[ips.n++] = (struct internal_ip){
					nodes->items[i].addresses[family],
					&nodes->items[i]};
	qsort(ips.items, ips.n, sizeof(*ips.items), by_address);
	*ret_ips = ips;
	return 0;
}

static bool has_cidr(const struct cluster_node *node, const struct ip_prefix *cidr)
{
	return prefix_equal(&node->cidrs[0], cidr) || prefix_equal(&node->cidrs[1], cidr);
}

/* The Node that has the gateway; NULL: there is none, or it has this podCIDR now. */
static const struct cluster_node *former_owner(const struct internal_ips *ips,
					       const struct held_range *held)
{
	struct internal_ip key = {.addr = held->gateway};
	const struct internal_ip *found = bsearch(&key, ips->items, ips->n, sizeof(key),
						  by_address);
	const struct internal_ip *first = found, *end = ips->items + ips->n;

	while (first && first > ips->items && ip_equal(&first[-1].addr, &key.addr))
		first--;
	for (const struct internal_ip *at = first;
	     at && at < end && ip_equal(&at->addr, &key.addr); at++)
		if (has_cidr(at->node, &held->cidr))
			return NULL;
	return first ? first->node : NULL;
}

int former_adopt(struct node_table *nodes, const struct surroundings *around,
		 struct cni_error *err)
{
	struct internal_ips ips = {};
	int ret = read_all(nodes, &ips, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < around->held.n; i++) {
		const struct held_range *held = &around->held.items[i];
		const struct cluster_node *node = held->gateway.family
							  ? former_owner(&ips, held)
							  : NULL;

		if (node)
			former_ranges_add(&nodes->former, node->name, &held->cidr,
					  &held->gateway);
	}
	free(ips.items);
	return 0;
}
