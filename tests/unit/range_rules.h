/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pod_ranges_judge() promises, asked again of its verdicts in the plainest way: every
 * pair of Nodes, every obstacle. For the unit test and the fuzz target.
 */
#ifndef BRIDGE_CNI_TESTS_RANGE_RULES_H
#define BRIDGE_CNI_TESTS_RANGE_RULES_H

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

/* The first promise that the accepted podCIDR of node @i breaks; NULL: none. */
static inline const char *range_rule_broken(const struct node_table *nodes,
					    const struct range_rules *rules, size_t i,
					    int family)
{
	const struct ip_prefix *cidr = &nodes->items[i].cidrs[family];
	const struct obstacle_list *obstacles = &rules->around->obstacles;

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

/* The same for all accepted podCIDRs. */
static inline const char *range_rules_broken(const struct node_table *nodes,
					     const struct range_rules *rules)
{
	for (size_t i = 0; i < nodes->n; i++)
		for (int family = 0; family < IP_FAMILIES; family++) {
			const char *broken =
				nodes->items[i].ranges[family] == RANGE_ACCEPTED
					? range_rule_broken(nodes, rules, i, family)
					: NULL;

			if (broken)
				return broken;
		}
	return NULL;
}

#endif
