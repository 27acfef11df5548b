/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A cluster for tests of pod_ranges_judge(): Nodes are put into it and judged. */
#ifndef BRIDGE_CNI_TESTS_RANGE_WORLD_H
#define BRIDGE_CNI_TESTS_RANGE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "range_rules.h"

/* A cluster as node "own" sees it, with 192.0.2.11/24 and the gateway 192.0.2.1. */
struct world {
	struct node_table nodes;
	struct surroundings around;
	struct prefix_list cluster;
	struct range_rules rules;
	size_t refused;
	char last[256]; /* what was told of the refusal before */
};

static inline struct ip_prefix prefix(const char *text)
{
	struct ip_prefix value;

	assert_int_equal(prefix_parse(text, &value), 0);
	return value;
}

static inline struct ip_addr addr(const char *text)
{
	struct ip_addr value;

	assert_int_equal(ip_parse(text, &value), 0);
	return value;
}

static inline void begin(struct world *world)
{
	struct ip_prefix own = prefix("192.0.2.11/24");
	struct ip_addr gateway = addr("192.0.2.1");

	*world = (struct world){};
	world->rules = (struct range_rules){
		.own = "own",
		.cluster = &world->cluster,
		.around = &world->around,
	};
	assert_int_equal(surroundings_add_address(&world->around, &own, "eth0", false,
						  &world->cluster, NULL),
			 0);
	assert_int_equal(surroundings_add_host(&world->around, &gateway, RANGE_GATEWAY,
					       "", NULL),
			 0);
	surroundings_settle(&world->around);
}

static inline void end(struct world *world)
{
	node_table_clear(&world->nodes);
	surroundings_clear(&world->around);
	free(world->cluster.items);
}

static inline void put(struct world *world, const char *name, const char *cidr,
		       const char *address, uint64_t created)
{
	struct node_object node = {.created = created};
	struct ip_prefix range = prefix(cidr);
	int family = range.addr.family != 2;

	snprintf(node.name, sizeof(node.name), "%s", name);
	node.cidrs[family] = range;
	if (address[0])
		node.addresses[family] = addr(address);
	assert_true(node_table_set(&world->nodes, &node, NULL) >= 0);
}

static inline void note(const struct range_refusal *refusal, void *data)
{
	struct world *world = data;

	world->refused++;
	snprintf(world->last, sizeof(world->last), "%s %s %s by %s%s",
		 refusal->node->name, PREFIX_TEXT(refusal->cidr),
		 range_verdict_names[refusal->why], refusal->rival_node,
		 refusal->rival_interface);
}

static inline void judge(struct world *world)
{
	world->refused = 0;
	world->last[0] = '\0';
	assert_int_equal(
		pod_ranges_judge(&world->nodes, &world->rules, note, world, NULL), 0);
	assert_null(range_rules_broken(&world->nodes, &world->rules));
}

#endif
