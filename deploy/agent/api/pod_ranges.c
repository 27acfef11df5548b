/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each podCIDR is held against rules and surroundings by itself; what passes is a claim,
 * and claims are granted in the order of their ranks. */
#include "pod_ranges.h"

#include <string.h>
#include <sys/socket.h>

#include "conf/base/clock.h"
#include "prefix_rules.h"
#include "range_tree.h"

/* How long a Node may be gone and come again. The controller manager deletes the pods of
 * a Node that is gone within a minute or two. */
#define GONE_MS (5 * 60 * 1000)

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

enum rank {
	RANK_OWN_ADDRESS,
	RANK_ACCEPTED, /* the last time; no claim of this rank is in another's way */
	RANK_HELD, /* at the start this node had a route to it, or gave it to pods */
	RANK_ADDRESS_MORE, /* an InternalIP that is not its Node's first */
	RANK_NEW,
	RANK_ADDRESS_OF_CLUSTER, /* an InternalIP where --cluster-cidr expects pods */
	RANK_FORMER, /* what a Node had before; its number is behind those of Nodes */
};

/* The work on one family. */
struct judge {
	struct node_table *nodes;
	const struct range_rules *rules;
	int family; /* an index of ip_families[] */
	struct claim *claims;
	size_t n;
	struct range_tree tree;
	range_refusal_fn fn;
	void *data;
};

static void refuse(struct judge *judge, struct cluster_node *node, enum range_verdict why,
		   struct range_refusal refusal)
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

/* -- one by one */

static enum address_verdict address_judge(const struct judge *judge,
					  const struct cluster_node *node, bool own)
{
	const struct ip_addr *addr = &node->addresses[judge->family];

	if (!addr->family)
		return ADDRESS_UNKNOWN;
	if (!prefix_is_host(addr))
		return ADDRESS_UNUSABLE;
	return own ? ADDRESS_USABLE : surroundings_address(judge->rules->around, addr);
}

/* RANGE_ACCEPTED: nothing speaks against it but perhaps another Node. */
static enum range_verdict range_judge(const struct judge *judge,
				      const struct cluster_node *node, bool own,
				      struct range_refusal *refusal)
{
	const struct ip_prefix *cidr = &node->cidrs[judge->family];
	enum address_verdict address = node->internal[judge->family];
	enum range_verdict verdict = prefix_verdict(judge->rules->cluster, cidr);
	const struct obstacle *obstacle;

	if (verdict != RANGE_ACCEPTED)
		return verdict;
	if (!own && (address == ADDRESS_OWN || address == ADDRESS_UNUSABLE))
		return RANGE_NO_OWNER;
	obstacle = surroundings_overlap(judge->rules->around, cidr);
	if (!obstacle)
		return RANGE_ACCEPTED;
	refusal->rival = obstacle->prefix;
	refusal->rival_interface = obstacle->interface;
	return obstacle->why;
}

/* -- against each other */

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

static void claims_of(struct judge *judge, uint32_t number)
{
	struct cluster_node *node = &judge->nodes->items[number];
	bool own = strcmp(node->name, judge->rules->own) == 0;
	enum address_verdict *address = &node->internal[judge->family];
	enum range_verdict *range = &node->ranges[judge->family], verdict;
	enum address_verdict former = *address;
	struct range_refusal refusal = {};

	*address = address_judge(judge, node, own);
	if (*address == ADDRESS_USABLE)
		address_add(judge, number, &node->addresses[judge->family],
			    rank_of_address(judge, node, own, former));
	if (!own)
		claim_more(judge, number);
	if (!node->cidrs[judge->family].addr.family) {
		*range = RANGE_UNKNOWN;
		return;
	}
	verdict = range_judge(judge, node, own, &refusal);
	if (verdict != RANGE_ACCEPTED)
		refuse(judge, node, verdict, refusal);
	else
		claim_add(judge, number, &node->cidrs[judge->family], false,
			  *range == RANGE_ACCEPTED ? RANK_ACCEPTED
						   : rank_of_new(judge, node, own));
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
	refuse(judge, node, rival.is_address ? RANGE_INTERNAL_IP : RANGE_OVERLAP,
	       refusal);
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
	size_t rest = 0;

	for (enum rank rank = RANK_OWN_ADDRESS; rank <= RANK_ACCEPTED; rank++)
		for (size_t i = 0; i < judge->n; i++)
			if (judge->claims[i].rank == rank)
				grant(judge, &judge->claims[i]);
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
	for (size_t i = 0; i < judge->nodes->n; i++)
		claims_of(judge, (uint32_t)i);
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
	size_t n = 2 * nodes->n + 1;
	int ret = 0;

	former_ranges_prune(&nodes->former);
	n += nodes->former.n;
	for (size_t i = 0; i < nodes->n; i++)
		n += nodes->items[i].n_more;
	claims = reallocarray(NULL, n, sizeof(*claims));
	if (!claims)
		return error_oom(err);
	for (int family = 0; ret == 0 && family < IP_FAMILIES; family++) {
		struct judge judge = {
			.nodes = nodes,
			.rules = rules,
			.family = family,
			.claims = claims,
			.fn = fn,
			.data = data,
		};

		ret = family_judge(&judge, err);
	}
	return ret;
}
