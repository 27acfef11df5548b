/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/api/pod_ranges.h: which podCIDRs that Nodes had before are routed. */
#include "deploy/agent/api/former_adopt.h"
#include "range_world.h"

/* The world with the Nodes "own" and "one". */
static void begin_with_one(struct world *world)
{
	begin(world);
	put(world, "own", "10.1.0.0/24", "192.0.2.11", 0);
	put(world, "one", "10.1.1.0/24", "192.0.2.21", 0);
	judge(world);
}

/* The Node "one" is deleted and made again. */
static void come_again(struct world *world, const char *cidr, const char *address)
{
	assert_true(node_table_remove(&world->nodes, "one"));
	judge(world);
	put(world, "one", cidr, address, 0);
	judge(world);
}

/* Is this podCIDR routed, which a Node other than "taker" had before? -1: it isn't known
 * any more. */
static int routed(struct world *world, const char *cidr)
{
	struct ip_prefix wanted = prefix(cidr);

	judge(world);
	for (size_t i = 0; i < world->nodes.former.n; i++)
		if (prefix_equal(&world->nodes.former.items[i].cidr, &wanted) &&
		    strcmp(world->nodes.former.items[i].node, "taker") != 0)
			return world->nodes.former.items[i].routed;
	return -1;
}

static void
a_node_that_comes_again_keeps_its_route_while_nobody_has_the_podcidr(void **state)
{
	static const char *const takers[] = {"10.1.1.0/24", "10.1.1.128/25",
					     "10.1.0.0/22"};
	struct world world;

	(void)state;
	begin_with_one(&world);
	assert_true(node_table_remove(&world.nodes, "one"));
	assert_int_equal(routed(&world, "10.1.1.0/24"), false);
	put(&world, "one", "10.1.7.0/24", "192.0.2.21", 0);
	assert_int_equal(routed(&world, "10.1.1.0/24"), true);
	assert_true(node_table_remove(&world.nodes, "own"));
	for (size_t i = 0; i < sizeof(takers) / sizeof(*takers); i++) {
		put(&world, "taker", takers[i], "192.0.2.22", 0);
		assert_int_equal(routed(&world, "10.1.1.0/24"), false);
		assert_int_equal(node_table_find(&world.nodes, "taker")->ranges[0],
				 RANGE_ACCEPTED);
		assert_true(node_table_remove(&world.nodes, "taker"));
		assert_int_equal(routed(&world, "10.1.1.0/24"), true);
	}
	/* It gets the former one back. */
	put(&world, "one", "10.1.1.0/24", "192.0.2.21", 0);
	assert_int_equal(routed(&world, "10.1.7.0/24"), true);
	assert_int_equal(routed(&world, "10.1.1.0/24"), -1);
	end(&world);
}

static void with_another_internal_ip_it_is_another_machine(void **state)
{
	struct world world;

	(void)state;
	begin_with_one(&world);
	come_again(&world, "10.1.7.0/24", "192.0.2.33");
	assert_int_equal(routed(&world, "10.1.1.0/24"), -1);
	assert_true(node_table_remove(&world.nodes, "one"));
	put(&world, "two", "10.1.8.0/24", "192.0.2.33", 0);
	assert_int_equal(routed(&world, "10.1.7.0/24"), false);
	end(&world);
}

static void what_speaks_against_a_podcidr_speaks_against_a_former_one(void **state)
{
	struct ip_addr server = addr("10.1.1.9");
	struct world world;

	(void)state;
	begin_with_one(&world);
	come_again(&world, "10.1.7.0/24", "192.0.2.21");
	put(&world, "two", "10.1.8.0/24", "10.1.1.5", 0);
	assert_int_equal(routed(&world, "10.1.1.0/24"), false);
	assert_int_equal(node_table_find(&world.nodes, "two")->internal[0],
			 ADDRESS_USABLE);
	assert_true(node_table_remove(&world.nodes, "two"));
	assert_int_equal(routed(&world, "10.1.1.0/24"), true);
	assert_int_equal(surroundings_add_host(&world.around, &server, RANGE_API_SERVER,
					       "", NULL),
			 0);
	surroundings_settle(&world.around);
	assert_int_equal(routed(&world, "10.1.1.0/24"), false);
	end(&world);
}

static void neither_this_nodes_own_nor_a_refused_one_is_routed(void **state)
{
	struct world world;

	(void)state;
	begin_with_one(&world);
	put(&world, "own", "10.1.9.0/24", "192.0.2.11", 0);
	put(&world, "bad", "192.0.2.128/25", "192.0.2.29", 0);
	judge(&world);
	put(&world, "bad", "10.1.6.0/24", "192.0.2.29", 0);
	assert_int_equal(routed(&world, "192.0.2.128/25"), -1);
	assert_int_equal(routed(&world, "10.1.0.0/24"), -1);
	end(&world);
}

static void the_newest_ones_are_known(void **state)
{
	struct world world;
	char cidr[32];

	(void)state;
	begin_with_one(&world);
	for (int i = 0; i < FORMER_RANGES_MAX + 9; i++) {
		snprintf(cidr, sizeof(cidr), "10.2.%d.%d/28", i / 16, i % 16 * 16);
		come_again(&world, cidr, "192.0.2.21");
	}
	assert_int_equal(world.nodes.former.n, FORMER_RANGES_MAX);
	assert_int_equal(routed(&world, "10.1.1.0/24"), -1);
	assert_int_equal(routed(&world, "10.2.0.128/28"), true);
	end(&world);
}

static void held(struct world *world, const char *cidr, const char *gateway)
{
	struct held_range range = {prefix(cidr), addr(gateway)};

	assert_int_equal(surroundings_add_held(&world->around, &range, NULL), 0);
}

static void an_agent_that_starts_goes_by_the_routes_that_it_finds(void **state)
{
	struct world world;

	(void)state;
	begin_with_one(&world);
	held(&world, "10.1.1.0/24", "192.0.2.21"); /* it has that now */
	held(&world, "10.1.2.0/24", "192.0.2.21");
	held(&world, "10.1.3.0/24", "192.0.2.99"); /* nobody's */
	surroundings_settle(&world.around);
	assert_int_equal(former_adopt(&world.nodes, &world.around, NULL), 0);
	assert_int_equal(world.nodes.former.n, 1);
	assert_int_equal(routed(&world, "10.1.2.0/24"), true);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_node_that_comes_again_keeps_its_route_while_nobody_has_the_podcidr),
		cmocka_unit_test(with_another_internal_ip_it_is_another_machine),
		cmocka_unit_test(
			what_speaks_against_a_podcidr_speaks_against_a_former_one),
		cmocka_unit_test(neither_this_nodes_own_nor_a_refused_one_is_routed),
		cmocka_unit_test(the_newest_ones_are_known),
		cmocka_unit_test(an_agent_that_starts_goes_by_the_routes_that_it_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
