/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Peers are in the order of the node table, so that a Node's peer is found by its
 * place. */
#include "tunnel_plan.h"

#include <string.h>
#include <sys/socket.h>

#include "deploy/agent/api/node_mac.h"
#include "deploy/agent/base/byte_sort.h"

void tunnel_plan_clear(struct tunnel_plan *plan)
{
	free(plan->peers);
	free(plan->ranges);
	free(plan->flannel);
	*plan = (struct tunnel_plan){};
}

/* -- addresses and MAC addresses that several Nodes have */

static void drop_address(struct tunnel_peer *peer, int family)
{
	peer->addresses[family] = (struct ip_addr){};
	peer->shared |= (uint8_t)(1U << family);
	peer->problem = ROUTE_SHARED_ADDRESS;
}

/* Takes the addresses of a family that are usable, from all peers that share one. */
static void shared_addresses(struct tunnel_plan *plan, const struct node_table *nodes,
			     int family)
{
	const struct cluster_node *before = NULL;

	for (size_t i = 0; i < nodes->n; i++) {
		const struct cluster_node *node =
			node_ordered(nodes, nodes->orders.addresses[family], i);
		const struct ip_addr *addr = &node->addresses[family];

		/* Whether a Node claims this node's own address is known from the survey
		 * of this node's addresses (surroundings.h). */
		if (!addr->family || node == plan->own)
			continue;
		if (before && ip_equal(&before->addresses[family], addr)) {
			drop_address(&plan->peers[before - nodes->items], family);
			drop_address(&plan->peers[node - nodes->items], family);
		}
		before = node;
	}
}

static void shared_macs(struct tunnel_plan *plan)
{
	struct tunnel_peer *before = NULL;

	for (size_t i = 0; i < plan->n_peers; i++) {
		struct tunnel_peer *peer = tunnel_peer_by_mac(plan, i);

		if (before && mac_equal(&before->mac, &peer->mac))
			before->problem = peer->problem = ROUTE_SAME_MAC;
		before = peer;
	}
}

/* -- peers */

/* Tells why the node has no usable InternalIP of a family that this node has, too. */
static enum route_problem address_problem(const struct tunnel_plan *plan,
					  const struct cluster_node *node)
{
	enum route_problem problem = ROUTE_NO_ADDRESS;

	for (int i = 0; i < IP_FAMILIES; i++) {
		if (!node->addresses[i].family)
			continue;
		if (!plan->addresses[i].family) {
			problem = ROUTE_NO_COMMON_FAMILY;
			continue;
		}
		/* A usable one that is no peer's is this node's, too, which the verdict
		 * doesn't know yet. */
		problem = route_problem_of_address(node->internal[i]);
		return problem == ROUTE_FINE ? ROUTE_BAD_ADDRESS : problem;
	}
	return problem;
}

static void peer_take(struct tunnel_plan *plan, struct tunnel_peer *peer,
		      const struct cluster_node *node)
{
	*peer = (struct tunnel_peer){.node = node, .mac.set = true};
	memcpy(peer->mac.bytes, node->mac, MAC_LEN);
	if (node == plan->own) {
		peer->problem = ROUTE_OWN_ADDRESS;
		return;
	}
	peer->has_v6 = node->ranges[1] == RANGE_ACCEPTED;
	for (int i = 0; i < IP_FAMILIES; i++)
		if (node->addresses[i].family && node->internal[i] == ADDRESS_USABLE &&
		    !ip_equal(&node->addresses[i], &plan->addresses[i]))
			peer->addresses[i] = node->addresses[i];
}

/* Chooses the family by which this node sends to the peer. */
static void underlay_choose(const struct tunnel_plan *plan, struct tunnel_peer *peer)
{
	for (int i = 0; plan->own && i < IP_FAMILIES; i++) {
		int family = plan->own->address_v6_first ? !i : i;

		if (plan->addresses[family].family && peer->addresses[family].family) {
			peer->underlay = (uint8_t)family;
			if (peer->problem == ROUTE_SHARED_ADDRESS)
				peer->problem = ROUTE_FINE;
			return;
		}
	}
	if (peer->problem == ROUTE_FINE)
		peer->problem = address_problem(plan, peer->node);
}

/* -- ranges */

static void range_add(struct tunnel_plan *plan, size_t peer, const struct ip_prefix *cidr)
{
	plan->ranges[plan->n_ranges++] = (struct tunnel_range){.cidr = *cidr,
							       .peer = (uint32_t)peer};
}

static void ranges_take(struct tunnel_plan *plan, const struct node_table *nodes)
{
	for (int family = 0; family < IP_FAMILIES; family++)
		for (size_t i = 0; i < nodes->n; i++) {
			const struct cluster_node *node =
				node_ordered(nodes, nodes->orders.cidrs[family], i);

			if (node != plan->own && node->ranges[family] == RANGE_ACCEPTED)
				range_add(plan, (size_t)(node - nodes->items),
					  &node->cidrs[family]);
		}
	for (size_t i = 0; i < nodes->former.n; i++) {
		const struct former_range *former = &nodes->former.items[i];
		const struct cluster_node *node = node_table_find(nodes, former->node);

		if (!former->routed || !node || node == plan->own)
			continue;
		range_add(plan, (size_t)(node - nodes->items), &former->cidr);
		plan->peers[node - nodes->items].has_v6 |= former->cidr.addr.family ==
							   AF_INET6;
	}
	BYTE_SORT(plan->ranges, plan->n_ranges, struct tunnel_range, cidr);
}

/* -- the plan */

static void own_take(struct tunnel_plan *plan, const struct node_table *nodes,
		     const char *own)
{
	plan->own = node_table_find(nodes, own);
	plan->mac = node_mac(own);
	for (int i = 0; plan->own && i < IP_FAMILIES; i++) {
		if (plan->own->internal[i] == ADDRESS_USABLE)
			plan->addresses[i] = plan->own->addresses[i];
		if (plan->own->ranges[i] == RANGE_ACCEPTED)
			plan->cidrs[i] = plan->own->cidrs[i];
	}
}

int tunnel_plan_make(const struct node_table *nodes, const char *own, bool by_key,
		     struct tunnel_plan *ret_plan, struct cni_error *err)
{
	_cleanup_(tunnel_plan_clear) struct tunnel_plan plan = {};

	plan.peers = reallocarray(NULL, nodes->n + 1, sizeof(*plan.peers));
	plan.by_mac = nodes->orders.macs;
	plan.ranges = reallocarray(NULL, IP_FAMILIES * nodes->n + nodes->former.n + 1,
				   sizeof(*plan.ranges));
	if (!plan.peers || !plan.ranges)
		return error_oom(err);
	own_take(&plan, nodes, own);
	plan.n_peers = nodes->n;
	for (size_t i = 0; i < nodes->n; i++)
		peer_take(&plan, &plan.peers[i], &nodes->items[i]);
	for (int family = 0; !by_key && family < IP_FAMILIES; family++)
		shared_addresses(&plan, nodes, family);
	for (size_t i = 0; i < nodes->n; i++)
		if (plan.peers[i].node != plan.own)
			underlay_choose(&plan, &plan.peers[i]);
	if (!by_key)
		shared_macs(&plan);
	ranges_take(&plan, nodes);
	*ret_plan = plan;
	plan = (struct tunnel_plan){};
	return 0;
}

struct ip_addr tunnel_gateway(const struct mac_addr *mac, const struct ip_prefix *cidr)
{
	return cidr->addr.family == AF_INET6 ? ip_link_local_of(mac) : cidr->addr;
}

enum route_problem tunnel_peer_end(const struct tunnel_peer *peer, int family,
				   struct tunnel_end *ret_end)
{
	if (peer->flannel) {
		const struct flannel_end *end = &peer->flannel[family];

		if (end->problem == ROUTE_FINE)
			*ret_end = (struct tunnel_end){
				.underlay = family,
				.addr = &end->addr,
				.mac = &end->mac,
				.device = end->device,
			};
		return end->problem;
	}
	if (peer->problem == ROUTE_FINE)
		*ret_end = (struct tunnel_end){
			.underlay = peer->underlay,
			.addr = &peer->addresses[peer->underlay],
			.mac = &peer->mac,
			.device = peer->device,
		};
	return peer->problem;
}

/* Peers are in the order of the node table, which is an array. */
static const struct tunnel_peer *peer_of(const struct tunnel_plan *plan,
					 const struct cluster_node *node)
{
	return &plan->peers[node - plan->peers->node];
}

bool tunnel_plan_prefers(const struct tunnel_plan *plan, const struct cluster_node *node,
			 int family)
{
	const struct flannel_end *ends = peer_of(plan, node)->flannel;

	return plan->always || (ends && ends[family].problem == ROUTE_FINE);
}

enum route_problem tunnel_plan_way(const struct tunnel_plan *plan,
				   const struct cluster_node *node,
				   const struct ip_prefix *cidr,
				   struct tunnel_way *ret_way)
{
	int family = cidr->addr.family != ip_families[0];
	struct tunnel_end end;
	enum route_problem problem = tunnel_peer_end(peer_of(plan, node), family, &end);

	if (problem != ROUTE_FINE)
		return problem;
	if (!end.device)
		return ROUTE_NO_TUNNEL;
	*ret_way = (struct tunnel_way){.device = end.device};
	if (plan->by_gateway)
		ret_way->gw = tunnel_gateway(end.mac, cidr);
	return ROUTE_FINE;
}
