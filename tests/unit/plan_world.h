/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes as the API server tells of them, and the plan of the tunnels that is made of them
 * by the node "own". */
#ifndef BRIDGE_CNI_TESTS_PLAN_WORLD_H
#define BRIDGE_CNI_TESTS_PLAN_WORLD_H

#include "deploy/agent/tunnel/tunnel_plan.h"
#include "range_world.h"

/* A Node with a podCIDR of each family that is given, and its InternalIPs in the order of
 * the arguments; "": none. */
static inline struct node_object node_made(const char *name, const char *cidr4,
					   const char *cidr6, const char *first,
					   const char *second)
{
	struct node_object node = {};
	const char *cidrs[] = {cidr4, cidr6}, *addresses[] = {first, second};

	snprintf(node.name, sizeof(node.name), "%s", name);
	for (int i = 0; i < 2; i++) {
		if (cidrs[i][0])
			node.cidrs[i] = prefix(cidrs[i]);
		if (addresses[i][0]) {
			struct ip_addr value = addr(addresses[i]);

			node.addresses[value.family != 2] = value;
			if (i == 0)
				node.address_v6_first = value.family != 2;
		}
	}
	return node;
}

static inline void put_object(struct world *world, const struct node_object *node)
{
	assert_true(node_table_set(&world->nodes, node, NULL) >= 0);
}

static inline void put_node(struct world *world, const char *name, const char *cidr4,
			    const char *cidr6, const char *first, const char *second)
{
	struct node_object node = node_made(name, cidr4, cidr6, first, second);

	put_object(world, &node);
}

static inline void plan_make(struct world *world, struct tunnel_plan *plan)
{
	judge(world);
	tunnel_plan_clear(plan);
	assert_int_equal(tunnel_plan_make(&world->nodes, "own", false, plan, NULL), 0);
}

static inline struct tunnel_peer *peer_of(struct tunnel_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_peers; i++)
		if (strcmp(plan->peers[i].node->name, name) == 0)
			return &plan->peers[i];
	fail_msg("no peer %s", name);
	return NULL;
}

#endif
