/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Most Nodes are what they were the last time, and then nothing is asked of them again but
 * whether they are this node. */
#include "range_judge.h"

#include <string.h>
#include <sys/socket.h>

#include "prefix_rules.h"

const char *const range_verdict_names[RANGE_VERDICTS] = {
	[RANGE_UNKNOWN] = "unknown",
	[RANGE_ACCEPTED] = "accepted",
	[RANGE_SPECIAL] = "special-addresses",
	[RANGE_TOO_WIDE] = "too-wide",
	[RANGE_OUTSIDE] = "outside-cluster-cidr",
	[RANGE_NO_OWNER] = "unusable-internal-ip",
	[RANGE_NODE_NETWORK] = "own-network",
	[RANGE_GATEWAY] = "gateway",
	[RANGE_API_SERVER] = "api-server",
	[RANGE_INTERNAL_IP] = "internal-ip",
	[RANGE_OVERLAP] = "overlapping-pod-cidr",
};

void range_judge_refuse(struct judge *judge, struct cluster_node *node,
			enum range_verdict why, struct range_refusal refusal)
{
	node->ranges[judge->family] = why;
	refusal.node = node;
	refusal.cidr = &node->cidrs[judge->family];
	refusal.why = why;
	if (!refusal.rival_node)
		refusal.rival_node = "";
	if (!refusal.rival_interface)
		refusal.rival_interface = "";
	if (judge->fn)
		judge->fn(&refusal, judge->data);
}

static enum address_verdict address_judge(const struct judge *judge,
					  const struct cluster_node *node, bool own)
{
	const struct ip_addr *addr = &node->addresses[judge->family];
	enum address_verdict former = node->internal[judge->family];

	if (!addr->family)
		return ADDRESS_UNKNOWN;
	if (judge->rules->same && (former == ADDRESS_USABLE || former == ADDRESS_OF_PODS))
		return ADDRESS_USABLE;
	if (!prefix_is_host(addr))
		return ADDRESS_UNUSABLE;
	return own ? ADDRESS_USABLE : surroundings_address(judge->rules->around, addr);
}

/* Has the same podCIDR passed the same rules before? */
static bool has_passed(const struct judge *judge, enum range_verdict former)
{
	return judge->rules->same &&
	       (former == RANGE_ACCEPTED || former == RANGE_OVERLAP ||
		former == RANGE_INTERNAL_IP);
}

/* RANGE_ACCEPTED: nothing speaks against it but perhaps another Node. */
static enum range_verdict range_judge(const struct judge *judge,
				      const struct cluster_node *node, bool own,
				      struct range_refusal *refusal)
{
	const struct ip_prefix *cidr = &node->cidrs[judge->family];
	enum address_verdict address = node->internal[judge->family];
	bool passed = has_passed(judge, node->ranges[judge->family]);
	enum range_verdict verdict = passed ? RANGE_ACCEPTED
					    : prefix_verdict(judge->rules->cluster, cidr);
	const struct obstacle *obstacle;

	if (verdict != RANGE_ACCEPTED)
		return verdict;
	if (!own && (address == ADDRESS_OWN || address == ADDRESS_UNUSABLE))
		return RANGE_NO_OWNER;
	obstacle = passed ? NULL : surroundings_overlap(judge->rules->around, cidr);
	if (!obstacle)
		return RANGE_ACCEPTED;
	refusal->rival = obstacle->prefix;
	refusal->rival_interface = obstacle->interface;
	return obstacle->why;
}

/* The rank of a claim that was not accepted the last time. */
static enum rank rank_of_new(const struct judge *judge, const struct cluster_node *node,
			     bool own)
{
	struct held_range held = {.cidr = node->cidrs[judge->family]};

	if (own)
		return surroundings_holds(judge->rules->around, &held) ? RANK_HELD
								       : RANK_NEW;
	/* A tunnel leads by an InternalIP of either family. */
	for (int i = 0; i < IP_FAMILIES; i++) {
		held.gateway = node->addresses[i];
		if (held.gateway.family &&
		    surroundings_holds(judge->rules->around, &held))
			return RANK_HELD;
	}
	return RANK_NEW;
}

static enum rank rank_of_address(const struct judge *judge,
				 const struct cluster_node *node, bool own,
				 enum address_verdict former)
{
	const struct ip_addr *addr = &node->addresses[judge->family];
	struct ip_prefix whole = {*addr, ip_bits(addr->family)};
	enum rank rank;

	if (own)
		return RANK_OWN_ADDRESS;
	if (former == ADDRESS_USABLE)
		return RANK_ACCEPTED;
	rank = rank_of_new(judge, node, own);
	if (rank == RANK_NEW &&
	    prefix_in_cluster(judge->rules->cluster, &whole) == CLUSTER_INSIDE)
		return RANK_ADDRESS_OF_CLUSTER;
	return rank;
}

void range_judge_node(struct judge *judge, uint32_t number)
{
	struct cluster_node *node = &judge->nodes->items[number];
	bool own = node == judge->own;
	enum address_verdict *address = &node->internal[judge->family];
	enum range_verdict *range = &node->ranges[judge->family], verdict;
	enum address_verdict former = *address;
	struct ranks *ranks = &judge->ranks[number];
	struct range_refusal refusal = {};

	*ranks = (struct ranks){RANK_NONE, RANK_NONE};
	*address = address_judge(judge, node, own);
	if (*address == ADDRESS_USABLE)
		ranks->address = rank_of_address(judge, node, own, former);
	if (!node->cidrs[judge->family].addr.family) {
		*range = RANGE_UNKNOWN;
		return;
	}
	verdict = range_judge(judge, node, own, &refusal);
	if (verdict != RANGE_ACCEPTED)
		range_judge_refuse(judge, node, verdict, refusal);
	else
		ranks->range = *range == RANGE_ACCEPTED ? RANK_ACCEPTED
							: rank_of_new(judge, node, own);
}
