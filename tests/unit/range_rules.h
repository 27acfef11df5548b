/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pod_ranges_judge() promises, asked again of its verdicts in the plainest way:
 * every pair of Nodes, every obstacle. For the unit test and the fuzz target.
 */
#ifndef BRIDGE_CNI_TESTS_RANGE_RULES_H
#define BRIDGE_CNI_TESTS_RANGE_RULES_H

#include <string.h>
#include <sys/socket.h>

#include "deploy/agent/api/pod_ranges.h"

static inline bool rules_have_special(const struct ip_prefix *cidr)
{
	static const char *const texts[] = {
		"0.0.0.0/8",   "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4",
		"240.0.0.0/4", "::/8",	      "fe80::/10",	"ff00::/8",
	};
	struct ip_prefix special;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (prefix_parse(texts[i], &special) == 0 &&
		    prefix_overlaps(&special, cidr))
			return true;
	return false;
}

static inline bool rules_are_in_cluster(const struct prefix_list *cluster,
					const struct ip_prefix *cidr)
{
	bool named = false;

	for (size_t i = 0; i < cluster->n; i++) {
		named |= cluster->items[i].addr.family == cidr->addr.family;
		if (cluster->items[i].len <= cidr->len &&
		    prefix_contains(&cluster->items[i], &cidr->addr))
			return true;
	}
	return !named;
}

/* The first promise that this podCIDR breaks if it is routed or kept for this node's own
 * pods; NULL: none. @i: the Node that has it; nodes->n: a Node had it before. */
static inline const char *range_rule_broken(const struct node_table *nodes,
					    const struct range_rules *rules,
					    const struct ip_prefix *cidr, size_t i)
{
	const struct obstacle_list *obstacles = &rules->around->obstacles;
	int family = cidr->addr.family == AF_INET6;

	if (!cidr->addr.family)
		return "there is a podCIDR";
	if (rules_have_special(cidr))
		return "no special addresses";
	if (cidr->len < (family == 0 ? 8 : 16))
		return "not too wide";
	if (!rules_are_in_cluster(rules->cluster, cidr))
		return "inside --cluster-cidr";
	for (size_t k = 0; k < obstacles->n; k++)
		if (prefix_overlaps(&obstacles->items[k].prefix, cidr))
			return "nothing of this node";
	for (size_t k = 0; k < nodes->n; k++) {
		const struct cluster_node *other = &nodes->items[k];

		if (other->internal[family] == ADDRESS_USABLE &&
		    prefix_contains(cidr, &other->addresses[family]))
			return "no InternalIP";
		if (k != i && other->ranges[family] == RANGE_ACCEPTED &&
		    prefix_overlaps(&other->cidrs[family], cidr))
			return "no other's podCIDR";
	}
	return NULL;
}

/* The same for the former podCIDR @i, which is routed. */
static inline const char *former_rule_broken(const struct node_table *nodes,
					     const struct range_rules *rules, size_t i)
{
	const struct former_range *former = &nodes->former.items[i];
	const struct cluster_node *node = node_table_find(nodes, former->node);
	int family = former->gateway.family == AF_INET6;

	if (former->over)
		return "a former podCIDR that is over has no route";
	if (!node || strcmp(node->name, rules->own) == 0)
		return "the former podCIDR of another Node that is there";
	if (node->internal[family] != ADDRESS_USABLE ||
	    !ip_equal(&node->addresses[family], &former->gateway))
		return "the Node's InternalIP is the same";
	for (size_t k = 0; k < i; k++)
		if (nodes->former.items[k].routed &&
		    prefix_overlaps(&nodes->former.items[k].cidr, &former->cidr))
			return "no other former podCIDR";
	return range_rule_broken(nodes, rules, &former->cidr, nodes->n);
}

/* Does the first Node have less than the second, or the same? @order: NODE_ORDER_* and a
 * family. */
static inline bool rules_in_order(const struct cluster_node *first,
				  const struct cluster_node *second, int order)
{
	int family = order % IP_FAMILIES;

	if (order == NODE_ORDER_MACS)
		return memcmp(first->mac, second->mac, sizeof(first->mac)) <= 0;
	if (order >= NODE_ORDER_ADDRESSES)
		return memcmp(&first->addresses[family], &second->addresses[family],
			      sizeof(first->addresses[family])) <= 0;
	return memcmp(&first->cidrs[family], &second->cidrs[family],
		      sizeof(first->cidrs[family])) <= 0;
}

/* Has the list each Node once, and by what they have? */
static inline bool rules_order(const struct node_table *nodes, const uint32_t *list,
			       int order)
{
	uint64_t sum = 0, squares = 0;

	for (uint64_t i = 0; i < nodes->n; i++) {
		if (list[i] >= nodes->n ||
		    !rules_in_order(&nodes->items[list[i ? i - 1 : 0]],
				    &nodes->items[list[i]], order))
			return false;
		sum += list[i] - i;
		squares += (uint64_t)list[i] * list[i] - i * i;
	}
	return sum == 0 && squares == 0;
}

static inline bool rules_orders(const struct node_table *nodes)
{
	const struct node_orders *orders = &nodes->orders;
	bool right = rules_order(nodes, orders->macs, NODE_ORDER_MACS);

	for (int family = 0; family < IP_FAMILIES; family++)
		right = right &&
			rules_order(nodes, orders->cidrs[family],
				    NODE_ORDER_CIDRS + family) &&
			rules_order(nodes, orders->addresses[family],
				    NODE_ORDER_ADDRESSES + family);
	return right;
}

/* The same for all podCIDRs that are accepted, and for former ones that are routed. */
static inline const char *range_rules_broken(const struct node_table *nodes,
					     const struct range_rules *rules)
{
	const char *broken = rules_orders(nodes) ? NULL : "the table's orders are right";

	for (size_t i = 0; !broken && i < nodes->n; i++)
		for (int family = 0; !broken && family < IP_FAMILIES; family++)
			if (nodes->items[i].ranges[family] == RANGE_ACCEPTED)
				broken = range_rule_broken(
					nodes, rules, &nodes->items[i].cidrs[family], i);
	for (size_t i = 0; !broken && i < nodes->former.n; i++)
		if (nodes->former.items[i].routed)
			broken = former_rule_broken(nodes, rules, i);
	return broken;
}

#endif
