/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each end is held against what is known of the cluster by itself, then against the other
 * ends. */
#include "flannel_peers.h"

#include "deploy/agent/api/prefix_rules.h"
#include "sole_claims.h"

/* The work on one family. */
struct work {
	struct tunnel_plan *plan;
	const struct flannel_rules *rules;
	int family; /* an index of ip_families[] */
	struct sole_claims internal; /* InternalIPs of all Nodes, sorted */
	struct sole_claims macs; /* of all Nodes' devices where they run no flannel */
	struct sole_claims ends; /* what ends say */
	bool of_macs; /* @ends are MAC addresses */
};

static void end_refuse(struct flannel_end *end, enum flannel_note at,
		       enum flannel_fault fault)
{
	*end = (struct flannel_end){.problem = ROUTE_FLANNEL, .at = at, .fault = fault};
}

/* -- which peers */

static bool notes_of(const struct cluster_node *node, size_t first,
		     struct flannel_notes *ret_notes)
{
	const char *texts[FLANNEL_NOTES];

	for (int i = 0; i < FLANNEL_NOTES; i++)
		texts[i] = node_annotation(node, first + (size_t)i);
	return flannel_notes_read(texts, ret_notes);
}

/* Does the node run this agent? A flannel that came back to a node has taken over the
 * MAC address, but need not have the same addresses. */
static bool is_ours(const struct tunnel_peer *peer, const struct flannel_notes *notes)
{
	bool any = false;

	for (int i = 0; i < IP_FAMILIES; i++) {
		const struct flannel_side *side = &notes->sides[i];

		if (!side->there)
			continue;
		any = true;
		if (side->fault || !mac_equal(&side->mac, &peer->mac) ||
		    !ip_equal(&side->addr, &peer->node->addresses[i]))
			return false;
	}
	return any;
}

/* Gives the end what its Node's annotations say, or the fault in them. */
static void end_take(const struct tunnel_peer *peer, const struct flannel_side *side,
		     int family, struct flannel_end *end)
{
	if (side->fault)
		end_refuse(end, side->at, side->fault);
	else if (side->there)
		*end = (struct flannel_end){
			.at = side->at, .addr = side->addr, .mac = side->mac};
	else if (peer->node->ranges[family] == RANGE_ACCEPTED)
		end_refuse(end, FLANNEL_DATA + family, FLANNEL_MISSING);
	else
		end->problem = ROUTE_NO_CIDR;
}

static int peers_take(struct tunnel_plan *plan, const struct flannel_rules *rules,
		      struct cni_error *err)
{
	struct flannel_notes notes;

	for (size_t i = 0; i < plan->n_peers; i++) {
		struct tunnel_peer *peer = &plan->peers[i];

		if (peer->node == plan->own ||
		    !notes_of(peer->node, rules->first, &notes) || is_ours(peer, &notes))
			continue;
		if (!plan->flannel)
			plan->flannel = calloc(IP_FAMILIES * plan->n_peers,
					       sizeof(*plan->flannel));
		if (!plan->flannel)
			return error_oom(err);
		peer->flannel = &plan->flannel[IP_FAMILIES * i];
		for (int f = 0; f < IP_FAMILIES; f++) {
			end_take(peer, &notes.sides[f], f, &peer->flannel[f]);
			if (peer->flannel[f].problem == ROUTE_FINE &&
			    notes.sides[f].vni != rules->vni)
				end_refuse(&peer->flannel[f], FLANNEL_DATA + f,
					   FLANNEL_OTHER_VNI);
		}
	}
	return 0;
}

/* -- each by itself */

static bool is_of_pods(const struct tunnel_plan *plan, const struct ip_addr *addr)
{
	size_t low = 0, high = plan->n_ranges;

	for (int i = 0; i < IP_FAMILIES; i++)
		if (plan->cidrs[i].addr.family && prefix_contains(&plan->cidrs[i], addr))
			return true;
	/* The last one that begins at or before the address. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_cmp(&plan->ranges[middle].cidr.addr, addr) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && prefix_contains(&plan->ranges[low - 1].cidr, addr);
}

static enum flannel_fault address_fault(const struct work *work, uint32_t node)
{
	const struct tunnel_peer *peer = &work->plan->peers[node];
	const struct ip_addr *addr = &peer->flannel[work->family].addr;

	/* The peer's own InternalIP was judged when the plan was made. */
	if (ip_equal(addr, &peer->addresses[work->family]))
		return FLANNEL_FINE;
	if (!prefix_is_host(addr))
		return FLANNEL_UNUSABLE_ADDRESS;
	if (ip_equal(addr, &work->plan->addresses[work->family]))
		return FLANNEL_OWN_ADDRESS;
	if (is_of_pods(work->plan, addr))
		return FLANNEL_ADDRESS_OF_PODS;
	if (sole_claims_address_of_other(&work->internal, addr, node))
		return FLANNEL_ADDRESS_OF_NODE;
	switch (surroundings_address(work->rules->around, addr)) {
	case ADDRESS_OWN:
		return FLANNEL_OWN_ADDRESS;
	case ADDRESS_UNUSABLE:
		return FLANNEL_UNUSABLE_ADDRESS;
	case ADDRESS_OF_PODS:
	case ADDRESS_UNKNOWN:
	case ADDRESS_USABLE:
		break;
	}
	return FLANNEL_FINE;
}

static void end_judge(const struct work *work, uint32_t node)
{
	const struct tunnel_plan *plan = work->plan;
	struct flannel_end *end = &plan->peers[node].flannel[work->family];
	enum flannel_fault fault = address_fault(work, node);

	if (fault)
		end_refuse(end, end->at, fault);
	else if (mac_equal(&end->mac, &plan->mac) ||
		 sole_claims_mac_of_other(&work->macs, &end->mac, node))
		end_refuse(end, FLANNEL_DATA + work->family, FLANNEL_MAC_OF_NODE);
}

/* -- against each other */

static void end_drop(uint32_t node, void *data)
{
	const struct work *work = data;
	struct flannel_end *end = &work->plan->peers[node].flannel[work->family];

	if (work->of_macs)
		end_refuse(end, FLANNEL_DATA + work->family, FLANNEL_SHARED_MAC);
	else
		end_refuse(end, end->at, FLANNEL_SHARED_ADDRESS);
}

/* Where several Nodes have the same address, or MAC address, in their annotations, whose
 * it is can't be told: none of them keeps it. */
static void shared_drop(struct work *work, bool macs)
{
	const struct tunnel_plan *plan = work->plan;

	work->ends.n = 0;
	work->of_macs = macs;
	for (uint32_t i = 0; i < plan->n_peers; i++) {
		const struct flannel_end *end = plan->peers[i].flannel;

		if (!end || end[work->family].problem != ROUTE_FINE)
			continue;
		if (macs)
			sole_claims_add_mac(&work->ends, &end[work->family].mac, i);
		else
			sole_claims_add_address(&work->ends, &end[work->family].addr, i);
	}
	sole_claims_sort(&work->ends);
	sole_claims_shared(&work->ends, end_drop, work);
}

/* -- the work on a family */

static int claims_make(struct work *work, struct cni_error *err)
{
	const struct tunnel_plan *plan = work->plan;
	size_t n = plan->n_peers;

	for (size_t i = 0; i < plan->n_peers; i++)
		n += plan->peers[i].node->n_more;
	work->internal.items = calloc(n, sizeof(*work->internal.items));
	work->macs.items = calloc(plan->n_peers, sizeof(*work->macs.items));
	work->ends.items = calloc(plan->n_peers, sizeof(*work->ends.items));
	if (!work->internal.items || !work->macs.items || !work->ends.items)
		return error_oom(err);
	for (uint32_t i = 0; i < plan->n_peers; i++) {
		const struct cluster_node *node = plan->peers[i].node;
		const struct ip_addr *first = &node->addresses[work->family];

		if (first->family)
			sole_claims_add_address(&work->internal, first, i);
		for (size_t k = 0; k < node->n_more; k++)
			if (node->more[k].family == ip_families[work->family])
				sole_claims_add_address(&work->internal, &node->more[k],
							i);
		sole_claims_add_mac(&work->macs, &plan->peers[i].mac, i);
	}
	sole_claims_sort(&work->internal);
	sole_claims_sort(&work->macs);
	return 0;
}

static void family_judge(struct work *work)
{
	struct tunnel_plan *plan = work->plan;

	for (uint32_t i = 0; i < plan->n_peers; i++)
		if (plan->peers[i].flannel &&
		    plan->peers[i].flannel[work->family].problem == ROUTE_FINE)
			end_judge(work, i);
	shared_drop(work, false);
	shared_drop(work, true);
	for (size_t i = 0; i < plan->n_peers; i++) {
		struct flannel_end *end = plan->peers[i].flannel;

		if (end && end[work->family].problem == ROUTE_FINE &&
		    !plan->addresses[work->family].family)
			end[work->family].problem = ROUTE_NO_COMMON_FAMILY;
	}
}

int flannel_peers_make(struct tunnel_plan *plan, const struct flannel_rules *rules,
		       struct cni_error *err)
{
	int ret = peers_take(plan, rules, err);

	for (int family = 0; ret == 0 && plan->flannel && family < IP_FAMILIES;
	     family++) {
		struct work work = {.plan = plan, .rules = rules, .family = family};

		ret = claims_make(&work, err);
		if (ret == 0)
			family_judge(&work);
		free(work.internal.items);
		free(work.macs.items);
		free(work.ends.items);
	}
	return ret;
}
