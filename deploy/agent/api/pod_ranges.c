/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each podCIDR is held against rules and surroundings by itself; what passes is a claim,
 * and claims are granted in the order of their ranks. */
#include "pod_ranges.h"

#include <string.h>
#include <sys/socket.h>

#include "range_tree.h"

/* A node has at most thousands of pods. Half of all addresses as the podCIDR of one node
 * would take the outside from every pod. */
#define NARROWEST_V4 8
#define NARROWEST_V6 16

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

/*
 * Of IANA's registries of special-purpose addresses those that no router passes on, or
 * that mean something else to the kernel. Shared, private and documentation addresses
 * (100.64.0.0/10, fd00::/8, 192.0.2.0/24) serve pods as well as any.
 */
static const struct {
	struct ip_prefix prefix;
	bool on_demand; /* it is accepted where --cluster-cidr names it */
} special[] = {
	{{{AF_INET, {0}}, 8}, false}, /* this network */
	{{{AF_INET, {127}}, 8}, false}, /* loopback */
	{{{AF_INET, {169, 254}}, 16}, false}, /* link-local */
	{{{AF_INET, {224}}, 4}, false}, /* multicast */
	{{{AF_INET, {255, 255, 255, 255}}, 32}, false}, /* broadcast */
	{{{AF_INET, {240}}, 4}, true}, /* reserved, yet some clusters have pods there */
	{{{AF_INET6, {0}}, 8}, false}, /* unspecified, loopback, IPv4's and NAT64's */
	{{{AF_INET6, {1}}, 64}, false}, /* 100::/64, discarded */
	{{{AF_INET6, {0xfe, 0x80}}, 10}, false}, /* link-local */
	{{{AF_INET6, {0xff}}, 8}, false}, /* multicast */
};

enum rank {
	RANK_OWN_ADDRESS,
	RANK_ACCEPTED, /* the last time; claims of this rank are not in each other's way */
	RANK_HELD, /* at the start this node had a route to it, or was giving it to pods */
	RANK_ADDRESS_MORE, /* an InternalIP that is not its Node's first */
	RANK_NEW,
	RANK_ADDRESS_OF_CLUSTER, /* an InternalIP where --cluster-cidr expects pods */
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

enum in_cluster {
	CLUSTER_INSIDE,
	CLUSTER_OUTSIDE,
	CLUSTER_UNSET, /* --cluster-cidr has none of this family */
};

static enum in_cluster in_cluster(const struct judge *judge,
				  const struct ip_prefix *prefix)
{
	const struct prefix_list *cluster = judge->rules->cluster;
	enum in_cluster where = CLUSTER_UNSET;

	for (size_t i = 0; i < cluster->n; i++) {
		if (cluster->items[i].addr.family != prefix->addr.family)
			continue;
		if (cluster->items[i].len <= prefix->len &&
		    prefix_contains(&cluster->items[i], &prefix->addr))
			return CLUSTER_INSIDE;
		where = CLUSTER_OUTSIDE;
	}
	return where;
}

static bool is_special(const struct ip_prefix *prefix, enum in_cluster where)
{
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (prefix_overlaps(&special[i].prefix, prefix) &&
		    !(special[i].on_demand && where == CLUSTER_INSIDE))
			return true;
	return false;
}

/* Can a host have this address? */
static bool is_host(const struct ip_addr *addr)
{
	struct ip_prefix whole = {*addr, ip_bits(addr->family)};

	/* Nodes of one link can reach each other by IPv4 link-local addresses. */
	return !is_special(&whole, CLUSTER_INSIDE) ||
	       (addr->family == AF_INET && addr->bytes[0] == 169);
}

static enum address_verdict address_judge(const struct judge *judge,
					  const struct cluster_node *node, bool own)
{
	const struct ip_addr *addr = &node->addresses[judge->family];

	if (!addr->family)
		return ADDRESS_UNKNOWN;
	if (!is_host(addr))
		return ADDRESS_UNUSABLE;
	return own ? ADDRESS_USABLE : surroundings_address(judge->rules->around, addr);
}

/* RANGE_ACCEPTED: nothing speaks against it but perhaps another Node. */
static enum range_verdict range_judge(const struct judge *judge,
				      const struct cluster_node *node, bool own,
				      struct range_refusal *refusal)
{
	const struct ip_prefix *cidr = &node->cidrs[judge->family];
	enum in_cluster where = in_cluster(judge, cidr);
	enum address_verdict address = node->internal[judge->family];
	const struct obstacle *obstacle;

	if (is_special(cidr, where))
		return RANGE_SPECIAL;
	if (cidr->len < (judge->family == 0 ? NARROWEST_V4 : NARROWEST_V6))
		return RANGE_TOO_WIDE;
	if (where == CLUSTER_OUTSIDE)
		return RANGE_OUTSIDE;
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
	const struct cluster_node *node = &judge->nodes->items[number];

	judge->claims[judge->n++] = (struct claim){
		.prefix = *prefix,
		.node = number,
		.is_address = is_address,
		.rank = rank,
		.since = node->created ? node->created : UINT64_MAX,
	};
}

static void address_add(struct judge *judge, uint32_t number, const struct ip_addr *addr,
			enum rank rank)
{
	struct ip_prefix whole = {*addr, ip_bits(addr->family)};

	claim_add(judge, number, &whole, true, rank);
}

/* A Node's further InternalIPs: no route leads by them, but none may lead them away. */
static void claim_more(struct judge *judge, uint32_t number)
{
	const struct cluster_node *node = &judge->nodes->items[number];

	for (size_t i = 0; i < node->n_more; i++) {
		const struct ip_addr *addr = &node->more[i];
		struct ip_prefix whole = {*addr, ip_bits(addr->family)};

		if (addr->family != ip_families[judge->family] || !is_host(addr) ||
		    surroundings_address(judge->rules->around, addr) != ADDRESS_USABLE)
			continue;
		address_add(judge, number, addr,
			    in_cluster(judge, &whole) == CLUSTER_INSIDE
				    ? RANK_ADDRESS_OF_CLUSTER
				    : RANK_ADDRESS_MORE);
	}
}

/* The rank of a claim that was not accepted the last time. */
static enum rank rank_of_new(const struct judge *judge, const struct cluster_node *node,
			     bool own)
{
	struct held_range held = {.cidr = node->cidrs[judge->family]};

	if (!own)
		held.gateway = node->addresses[judge->family];
	if (!own && !held.gateway.family)
		return RANK_NEW;
	return surroundings_holds(judge->rules->around, &held) ? RANK_HELD : RANK_NEW;
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
	if (rank == RANK_NEW && in_cluster(judge, &whole) == CLUSTER_INSIDE)
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
	claims_sort(judge->claims, rest);
	for (size_t i = 0; i < rest; i++)
		grant(judge, &judge->claims[i]);
}

static int family_judge(struct judge *judge, struct cni_error *err)
{
	int ret;

	judge->n = 0;
	for (size_t i = 0; i < judge->nodes->n; i++)
		claims_of(judge, (uint32_t)i);
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

	for (size_t i = 0; i < nodes->n; i++)
		n += nodes->items[i].n_more;
	claims = calloc(n, sizeof(*claims));
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
