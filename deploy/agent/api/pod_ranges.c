/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a Node has by itself is judged first (range_judge.h); what passes is a claim, and
 * claims are granted in the order of their ranks. */
#include "pod_ranges.h"

#include <string.h>
#include <sys/socket.h>

#include "conf/base/clock.h"
#include "prefix_rules.h"
#include "range_judge.h"

/* How long a Node may be gone and come again. The controller manager deletes the pods of
 * a Node that is gone within a minute or two. */
#define GONE_MS (5 * 60 * 1000)

static void claim_add(struct judge *judge, uint32_t number,
		      const struct ip_prefix *prefix, bool is_address, enum rank rank)
{
	judge->claims[judge->n++] = (struct claim){
		.prefix = *prefix,
		.node = number,
		.rank = rank,
		.is_address = is_address,
	};
}

static void address_add(struct judge *judge, uint32_t number, const struct ip_addr *addr,
			enum rank rank)
{
	const struct ip_prefix whole = {*addr, (uint8_t)ip_bits(addr->family)};

	claim_add(judge, number, &whole, true, rank);
}

static void claim_range(struct judge *judge, uint32_t number,
			const struct ip_prefix *cidr)
{
	if (judge->ranks[number].range != RANK_NONE)
		claim_add(judge, number, cidr, false, judge->ranks[number].range);
}

static void claim_first(struct judge *judge, uint32_t number, const struct ip_addr *addr)
{
	if (judge->ranks[number].address != RANK_NONE)
		address_add(judge, number, addr, judge->ranks[number].address);
}

/* A Node's further InternalIPs: no route leads by them, but none may lead them away. */
static void claim_more(struct judge *judge, uint32_t number)
{
	const struct cluster_node *node = &judge->nodes->items[number];

	for (size_t i = 0; i < node->n_more; i++) {
		const struct ip_addr *addr = &node->more[i];
		struct ip_prefix whole = {*addr, ip_bits(addr->family)};

		if (addr->family != ip_families[judge->family] || !prefix_is_host(addr) ||
		    surroundings_address(judge->rules->around, addr) != ADDRESS_USABLE)
			continue;
		address_add(judge, number, addr,
			    prefix_in_cluster(judge->rules->cluster, &whole) ==
					    CLUSTER_INSIDE
				    ? RANK_ADDRESS_OF_CLUSTER
				    : RANK_ADDRESS_MORE);
	}
}

/* Collects the claims of all Nodes, those of further InternalIPs apart in the order of
 * their prefixes. */
static void claims_collect(struct judge *judge)
{
	const struct node_table *nodes = judge->nodes;
	int family = judge->family;
	const uint32_t *by_cidr = nodes->orders.cidrs[family];
	const uint32_t *by_address = nodes->orders.addresses[family];
	size_t ranges = 0, addresses = 0;

	while (ranges < nodes->n || addresses < nodes->n) {
		const struct ip_prefix *cidr = NULL;
		const struct ip_addr *addr = NULL;

		if (ranges < nodes->n)
			cidr = &node_ordered(nodes, by_cidr, ranges)->cidrs[family];
		if (addresses < nodes->n)
			addr = &node_ordered(nodes, by_address, addresses)
					->addresses[family];
		if (!addr || (cidr && ip_cmp(&cidr->addr, addr) <= 0))
			claim_range(judge, by_cidr[ranges++], cidr);
		else
			claim_first(judge, by_address[addresses++], addr);
	}
	for (uint32_t i = 0; judge->more && i < nodes->n; i++)
		if (nodes->items[i].n_more && &nodes->items[i] != judge->own)
			claim_more(judge, i);
}

/* Has the Node the InternalIP by which the former podCIDR was reached, and is it fit for
 * that? */
static bool has_gateway(const struct cluster_node *node,
			const struct former_range *former)
{
	int family = former->gateway.family == AF_INET6;

	return node->internal[family] == ADDRESS_USABLE &&
	       ip_equal(&node->addresses[family], &former->gateway);
}

/* Is the Node there that had the former podCIDR? */
static bool is_there(const struct judge *judge, struct former_range *former)
{
	const struct cluster_node *node = node_table_find(judge->nodes, former->node);
	int family = former->gateway.family == AF_INET6;

	if (!node)
		former->over = now_ms() - former->since > GONE_MS;
	else
		former->over = strcmp(node->name, judge->rules->own) == 0 ||
			       !ip_equal(&node->addresses[family], &former->gateway) ||
			       prefix_equal(&node->cidrs[judge->family], &former->cidr);
	return node && !former->over && has_gateway(node, former);
}

/* Claims former podCIDRs. The Node that lost one last comes first. */
static void claim_former(struct judge *judge)
{
	struct former_ranges *list = &judge->nodes->former;

	for (size_t i = list->n; i-- > 0;) {
		struct former_range *former = &list->items[i];

		if (former->cidr.addr.family != ip_families[judge->family])
			continue;
		former->routed = false;
		if (is_there(judge, former) &&
		    prefix_verdict(judge->rules->cluster, &former->cidr) ==
			    RANGE_ACCEPTED &&
		    !surroundings_overlap(judge->rules->around, &former->cidr))
			judge->claims[judge->n++] = (struct claim){
				.prefix = former->cidr,
				.node = (uint32_t)(judge->nodes->n + i),
				.rank = RANK_FORMER,
			};
	}
}

static void grant_former(struct judge *judge, const struct claim *claim)
{
	struct former_range *former =
		&judge->nodes->former.items[claim->node - judge->nodes->n];
	const struct cluster_node *node = node_table_find(judge->nodes, former->node);
	struct range_rival rival;

	/* All InternalIPs have their verdicts by now. */
	former->routed = has_gateway(node, former) &&
			 range_tree_grant(&judge->tree, claim, &rival) == 0;
}

/* The InternalIP of @node that is in @cidr. */
static const struct ip_addr *address_in(const struct cluster_node *node, int family,
					const struct ip_prefix *cidr)
{
	const struct ip_addr *first = &node->addresses[family];

	for (size_t i = 0; i < node->n_more && !prefix_contains(cidr, first); i++)
		if (prefix_contains(cidr, &node->more[i]))
			return &node->more[i];
	return first;
}

static void grant(struct judge *judge, const struct claim *claim)
{
	struct cluster_node *node = &judge->nodes->items[claim->node];
	struct range_rival rival;
	const struct cluster_node *other;
	struct range_refusal refusal = {};

	if (range_tree_grant(&judge->tree, claim, &rival) == 0) {
		if (!claim->is_address)
			node->ranges[judge->family] = RANGE_ACCEPTED;
		return;
	}
	if (claim->is_address) {
		if (ip_equal(&claim->prefix.addr, &node->addresses[judge->family]))
			node->internal[judge->family] = ADDRESS_OF_PODS;
		return;
	}
	other = &judge->nodes->items[rival.node];
	refusal.rival_node = other->name;
	refusal.rival = other->cidrs[judge->family];
	if (rival.is_address)
		refusal.rival = (struct ip_prefix){*address_in(other, judge->family,
							       &claim->prefix),
						   ip_bits(claim->prefix.addr.family)};
	range_judge_refuse(judge, node,
			   rival.is_address ? RANGE_INTERNAL_IP : RANGE_OVERLAP, refusal);
}

/* The Node that was made first comes first, and the former podCIDR that was lost last. */
static uint64_t since_of(const struct claim *claim, const void *data)
{
	const struct node_table *nodes = data;
	uint64_t created;

	if (claim->node >= nodes->n)
		return FORMER_RANGES_MAX - (claim->node - nodes->n);
	created = nodes->items[claim->node].created;
	return created ? created : UINT64_MAX;
}

/* In the usual case nearly all claims are of RANK_ACCEPTED, which need no order. */
static void grant_all(struct judge *judge)
{
	const struct cluster_node *nodes = judge->nodes->items;
	size_t rest = 0;

	for (size_t i = 0; i < judge->n; i++)
		if (judge->claims[i].rank == RANK_OWN_ADDRESS)
			grant(judge, &judge->claims[i]);
	for (size_t i = 0; i < judge->n; i++) {
		/* Claims of former podCIDRs belong to no Node of the table. */
		if (i + FETCH_AHEAD < judge->n &&
		    judge->claims[i + FETCH_AHEAD].node < judge->nodes->n)
			node_fetch(&nodes[judge->claims[i + FETCH_AHEAD].node]);
		if (judge->claims[i].rank == RANK_ACCEPTED)
			grant(judge, &judge->claims[i]);
	}
	for (size_t i = 0; i < judge->n; i++)
		if (judge->claims[i].rank > RANK_ACCEPTED)
			judge->claims[rest++] = judge->claims[i];
	claims_sort(judge->claims, rest, since_of, judge->nodes);
	for (size_t i = 0; i < rest; i++) {
		if (judge->claims[i].rank == RANK_FORMER)
			grant_former(judge, &judge->claims[i]);
		else
			grant(judge, &judge->claims[i]);
	}
}

static int family_judge(struct judge *judge, struct cni_error *err)
{
	int ret;

	judge->n = 0;
	for (uint32_t i = 0; i < judge->nodes->n; i++)
		range_judge_node(judge, i);
	claims_collect(judge);
	claim_former(judge);
	ret = range_tree_make(judge->claims, judge->n, &judge->tree, err);
	if (ret < 0)
		return ret;
	grant_all(judge);
	range_tree_clear(&judge->tree);
	return 0;
}

int pod_ranges_judge(struct node_table *nodes, const struct range_rules *rules,
		     range_refusal_fn fn, void *data, struct cni_error *err)
{
	_cleanup_(free_p) struct claim *claims = NULL;
	_cleanup_(free_p) struct ranks *ranks = NULL;
	size_t n = 2 * nodes->n + 1, more = 0;
	int ret = 0;

	ret = node_table_order(nodes, err);
	if (ret < 0)
		return ret;
	former_ranges_prune(&nodes->former);
	n += nodes->former.n;
	for (size_t i = 0; i < nodes->n; i++)
		more += nodes->items[i].n_more;
	claims = reallocarray(NULL, n + more, sizeof(*claims));
	ranks = reallocarray(NULL, nodes->n + 1, sizeof(*ranks));
	if (!claims || !ranks)
		return error_oom(err);
	for (int family = 0; ret == 0 && family < IP_FAMILIES; family++) {
		struct judge judge = {
			.nodes = nodes,
			.rules = rules,
			.own = node_table_find(nodes, rules->own),
			.family = family,
			.more = more > 0,
			.ranks = ranks,
			.claims = claims,
			.fn = fn,
			.data = data,
		};

		ret = family_judge(&judge, err);
	}
	return ret;
}
