/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/api/node_orders.h, by the table that has them: they are right after each change
 * of a Node, whatever the changes are. */
#include "plan_world.h"

#define NAMES 60

static unsigned int pick(unsigned int *random, unsigned int n)
{
	*random = *random * 1103515245 + 12345;
	return (*random >> 16) % n;
}

/* Keys of some orders have few values here, so that Nodes often have the same key, or none. */
static struct node_object random_node(unsigned int *random)
{
	struct node_object node = {};

	snprintf(node.name, sizeof(node.name), "node%u", pick(random, NAMES));
	for (int i = 0; i < IP_FAMILIES; i++) {
		uint8_t *cidr = node.cidrs[i].addr.bytes,
			*address = node.addresses[i].bytes;

		if (pick(random, 4)) {
			node.cidrs[i].addr.family = (uint8_t)ip_families[i];
			node.cidrs[i].len = i ? 64 : 24;
			cidr[0] = i ? 0xfd : 10;
			cidr[i ? 7 : 2] = (uint8_t)pick(random, 30);
		}
		if (pick(random, 4)) {
			node.addresses[i].family = (uint8_t)ip_families[i];
			address[0] = i ? 0xfd : 192;
			address[i ? 15 : 3] = (uint8_t)pick(random, 250);
		}
	}
	return node;
}

static void change(struct world *world, unsigned int *random)
{
	struct node_object node = random_node(random);

	if (pick(random, 3) == 0)
		(void)node_table_remove(&world->nodes, node.name);
	else
		put_object(world, &node);
}

static void they_are_right_after_each_change(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 20; seed++) {
		unsigned int random = seed;
		struct world world;

		begin(&world);
		for (int step = 0; step < 400; step++) {
			change(&world, &random);
			if (!rules_orders(&world.nodes))
				fail_msg("seed %u, step %d", seed, step);
		}
		end(&world);
	}
}

/* A list may come to its end, or break off, and then another one begins. */
static void they_are_right_behind_a_list(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 50; seed++) {
		unsigned int random = seed;
		struct world world;

		begin(&world);
		for (int list = 0; list < 10; list++) {
			node_table_list_begin(&world.nodes);
			for (unsigned int i = pick(&random, 80); i > 0; i--)
				change(&world, &random);
			if (pick(&random, 3) == 0)
				continue;
			(void)node_table_list_end(&world.nodes);
			assert_int_equal(node_table_order(&world.nodes, NULL), 0);
			for (int step = 0; step < 20; step++) {
				if (!rules_orders(&world.nodes))
					fail_msg("seed %u, list %d", seed, list);
				change(&world, &random);
			}
		}
		end(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_right_after_each_change),
		cmocka_unit_test(they_are_right_behind_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
