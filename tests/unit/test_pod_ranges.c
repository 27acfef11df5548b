/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/api/pod_ranges.h: which podCIDRs are used. */
#include "range_world.h"

#include <time.h>

static enum range_verdict verdict(const struct world *world, const char *name)
{
	const struct cluster_node *node = node_table_find(&world->nodes, name);

	assert_non_null(node);
	return node->ranges[!node->cidrs[0].addr.family];
}

static void a_podcidr_by_itself(void **state)
{
	static const struct {
		const char *cidr;
		enum range_verdict verdict;
	} cases[] = {
		{"10.244.2.0/24", RANGE_ACCEPTED},
		{"100.64.0.0/16", RANGE_ACCEPTED},
		{"fd00::/16", RANGE_ACCEPTED},
		{"10.0.0.0/8", RANGE_ACCEPTED},
		{"8.0.0.0/7", RANGE_TOO_WIDE},
		{"fd00::/15", RANGE_TOO_WIDE},
		{"0.1.0.0/16", RANGE_SPECIAL},
		{"127.255.0.0/24", RANGE_SPECIAL},
		{"126.0.0.0/7", RANGE_SPECIAL},
		{"169.254.0.0/24", RANGE_SPECIAL},
		{"169.0.0.0/8", RANGE_SPECIAL},
		{"224.1.0.0/16", RANGE_SPECIAL},
		{"239.255.255.255/32", RANGE_SPECIAL},
		{"240.0.0.0/24", RANGE_SPECIAL},
		{"255.255.255.255/32", RANGE_SPECIAL},
		{"::1/128", RANGE_SPECIAL},
		{"64:ff9b::/96", RANGE_SPECIAL},
		{"febf::/64", RANGE_SPECIAL},
		{"ffff::/16", RANGE_SPECIAL},
		{"192.0.2.0/24", RANGE_NODE_NETWORK},
		{"192.0.2.128/25", RANGE_NODE_NETWORK},
		{"192.0.2.1/32", RANGE_NODE_NETWORK},
		{"192.0.0.0/16", RANGE_NODE_NETWORK},
		{"192.0.3.0/24", RANGE_ACCEPTED},
		{"192.0.1.0/24", RANGE_ACCEPTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world world;

		begin(&world);
		put(&world, "node", cases[i].cidr, "", 0);
		judge(&world);
		if (verdict(&world, "node") != cases[i].verdict)
			fail_msg("%s: %s", cases[i].cidr,
				 range_verdict_names[verdict(&world, "node")]);
		assert_int_equal(world.refused, cases[i].verdict != RANGE_ACCEPTED);
		end(&world);
	}
}

/* A Node without a podCIDR that has two InternalIPs. */
static void put_more(struct world *world, const char *name, const char *address,
		     const char *more, uint64_t created)
{
	struct node_object node = {.created = created};

	snprintf(node.name, sizeof(node.name), "%s", name);
	node.addresses[0] = addr(address);
	node.more[node.n_more++] = addr(more);
	assert_int_equal(node_table_set(&world->nodes, &node, NULL), NODE_TABLE_CHANGED);
	assert_int_equal(node_table_set(&world->nodes, &node, NULL), 0);
}

static void further_internal_ips_are_nobodys_podcidr(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	/* Before new podCIDRs, whichever Node is older. */
	put_more(&world, "two", "192.0.2.2", "198.51.100.2", 2);
	put(&world, "new", "198.51.100.0/24", "192.0.2.3", 1);
	judge(&world);
	assert_string_equal(world.last, "new 198.51.100.0/24 internal-ip by two");
	/* Not before what is in use. */
	put_more(&world, "two", "192.0.2.2", "198.51.101.2", 2);
	judge(&world);
	assert_int_equal(verdict(&world, "new"), RANGE_ACCEPTED);
	put_more(&world, "two", "192.0.2.2", "198.51.100.2", 2);
	judge(&world);
	assert_int_equal(verdict(&world, "new"), RANGE_ACCEPTED);
	assert_int_equal(node_table_find(&world.nodes, "two")->internal[0],
			 ADDRESS_USABLE);
	/* Nor are this node's addresses and those that are no host's anybody's. */
	put(&world, "other", "10.244.1.0/24", "192.0.2.4", 1);
	put_more(&world, "two", "192.0.2.2", "192.0.2.11", 2);
	judge(&world);
	assert_int_equal(world.refused, 0);
	end(&world);
	/* Nor before any podCIDR where --cluster-cidr expects pods. */
	begin(&world);
	world.cluster.items = calloc(1, sizeof(*world.cluster.items));
	world.cluster.items[world.cluster.n++] = prefix("10.244.0.0/16");
	put_more(&world, "two", "192.0.2.2", "10.244.1.2", 1);
	judge(&world);
	put(&world, "new", "10.244.1.0/24", "192.0.2.3", 2);
	judge(&world);
	assert_int_equal(verdict(&world, "new"), RANGE_ACCEPTED);
	end(&world);
}

static void the_cluster_cidr_narrows_its_own_family(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	world.cluster.items = calloc(2, sizeof(*world.cluster.items));
	world.cluster.items[world.cluster.n++] = prefix("10.244.0.0/16");
	world.cluster.items[world.cluster.n++] = prefix("240.0.0.0/8");
	put(&world, "inside", "10.244.1.0/24", "", 0);
	put(&world, "around", "10.244.0.0/15", "", 0);
	put(&world, "beside", "10.245.1.0/24", "", 0);
	put(&world, "reserved", "240.1.0.0/16", "", 0);
	put(&world, "more-reserved", "241.1.0.0/16", "", 0);
	put(&world, "six", "fd00:1::/64", "", 0);
	assert_int_equal(pod_ranges_judge(&world.nodes, &world.rules, NULL, NULL, NULL),
			 0);
	assert_int_equal(verdict(&world, "inside"), RANGE_ACCEPTED);
	assert_int_equal(verdict(&world, "around"), RANGE_OUTSIDE);
	assert_int_equal(verdict(&world, "beside"), RANGE_OUTSIDE);
	assert_int_equal(verdict(&world, "reserved"), RANGE_ACCEPTED);
	assert_int_equal(verdict(&world, "more-reserved"), RANGE_SPECIAL);
	assert_int_equal(verdict(&world, "six"), RANGE_ACCEPTED);
	end(&world);
}

static void what_was_accepted_stays_and_what_is_freed_is_given(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	put(&world, "bbb", "10.1.2.0/24", "192.0.2.2", 20260102000000);
	judge(&world);
	put(&world, "aaa", "10.1.2.128/25", "192.0.2.3", 20260101000000);
	judge(&world);
	assert_int_equal(verdict(&world, "bbb"), RANGE_ACCEPTED);
	assert_string_equal(world.last, "aaa 10.1.2.128/25 overlapping-pod-cidr by bbb");
	put(&world, "ccc", "10.1.0.0/16", "192.0.2.4", 20250101000000);
	judge(&world);
	assert_int_equal(world.refused, 2);
	assert_true(node_table_remove(&world.nodes, "bbb"));
	judge(&world);
	assert_int_equal(verdict(&world, "ccc"), RANGE_ACCEPTED);
	assert_int_equal(verdict(&world, "aaa"), RANGE_OVERLAP);
	/* A podCIDR that changes is a new claim. */
	put(&world, "ccc", "10.1.2.0/23", "192.0.2.4", 20250101000000);
	put(&world, "aaa", "10.1.2.0/24", "192.0.2.3", 20240101000000);
	judge(&world);
	assert_int_equal(verdict(&world, "aaa"), RANGE_ACCEPTED);
	assert_int_equal(verdict(&world, "ccc"), RANGE_OVERLAP);
	end(&world);
}

static void what_the_kernel_has_a_route_to_comes_before_older_nodes(void **state)
{
	struct held_range held = {prefix("10.1.2.0/24"), addr("192.0.2.2")};
	struct held_range own = {.cidr = prefix("10.1.3.0/24")};
	struct world world;

	(void)state;
	begin(&world);
	assert_int_equal(surroundings_add_held(&world.around, &held, NULL), 0);
	assert_int_equal(surroundings_add_held(&world.around, &own, NULL), 0);
	surroundings_settle(&world.around);
	put(&world, "aaa", "10.1.2.0/24", "192.0.2.3", 1);
	put(&world, "bbb", "10.1.2.0/24", "192.0.2.2", 2);
	put(&world, "ccc", "10.1.3.0/25", "192.0.2.3", 1);
	put(&world, "own", "10.1.3.0/24", "192.0.2.11", 2);
	judge(&world);
	assert_int_equal(verdict(&world, "aaa"), RANGE_OVERLAP);
	assert_int_equal(verdict(&world, "bbb"), RANGE_ACCEPTED);
	assert_int_equal(verdict(&world, "ccc"), RANGE_OVERLAP);
	assert_int_equal(verdict(&world, "own"), RANGE_ACCEPTED);
	end(&world);
}

static void internal_ips_and_podcidrs_keep_apart(void **state)
{
	struct world world;

	(void)state;
	begin(&world);
	put(&world, "old", "10.1.1.0/24", "10.9.9.9", 1);
	put(&world, "wide", "10.9.0.0/16", "192.0.2.2", 2);
	put(&world, "self", "10.8.0.0/16", "10.8.0.1", 3);
	put(&world, "late", "10.1.4.0/24", "10.1.1.4", 4);
	judge(&world);
	assert_int_equal(verdict(&world, "old"), RANGE_ACCEPTED);
	assert_int_equal(verdict(&world, "wide"), RANGE_INTERNAL_IP);
	assert_int_equal(verdict(&world, "self"), RANGE_INTERNAL_IP);
	/* It is the late one's InternalIP that isn't used. */
	assert_int_equal(node_table_find(&world.nodes, "late")->internal[0],
			 ADDRESS_OF_PODS);
	/* Nor does an InternalIP that changes take away what was accepted. */
	put(&world, "old", "10.1.1.0/24", "10.1.4.1", 1);
	judge(&world);
	assert_int_equal(verdict(&world, "late"), RANGE_ACCEPTED);
	assert_int_equal(node_table_find(&world.nodes, "old")->internal[0],
			 ADDRESS_OF_PODS);
	end(&world);
}

static void internal_ips_that_no_other_host_has(void **state)
{
	static const char *const texts[] = {
		"192.0.2.11",	   "192.0.2.0",	  "192.0.2.255", "0.0.0.0",
		"255.255.255.255", "224.0.0.251", "127.1.2.3",
	};
	struct world world;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		begin(&world);
		put(&world, "node", "10.1.1.0/24", texts[i], 1);
		put(&world, "other", "10.1.1.0/24", "192.0.2.3", 2);
		judge(&world);
		assert_int_equal(verdict(&world, "node"), RANGE_NO_OWNER);
		assert_int_equal(verdict(&world, "other"), RANGE_ACCEPTED);
		end(&world);
	}
}

static void the_list_has_accepted_ones_alone(void **state)
{
	struct prefix_list list;
	struct world world;

	(void)state;
	begin(&world);
	put(&world, "aaa", "10.1.0.0/24", "", 1);
	put(&world, "bbb", "10.1.1.0/24", "", 2);
	put(&world, "ccc", "128.0.0.0/1", "", 3);
	judge(&world);
	assert_int_equal(
		node_table_cidrs(&world.nodes, &world.cluster, true, &list, NULL), 0);
	assert_int_equal(list.n, 1);
	assert_string_equal(PREFIX_TEXT(&list.items[0]), "10.1.0.0/23");
	free(list.items);
	end(&world);
}

#define MANY 60

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* The same Nodes in another order; podCIDRs and InternalIPs overlap a lot. */
static void put_many(struct world *world, uint32_t seed, uint32_t shift)
{
	char names[MANY][8], cidrs[MANY][32], addresses[MANY][32];

	for (uint32_t i = 0; i < MANY; i++) {
		unsigned int len = 22 + next(&seed) % 8, low = next(&seed) % 1024;
		unsigned int host = next(&seed) % 8 ? 0 : next(&seed) % 1024;

		low &= ~0U << (32 - len);
		snprintf(names[i], sizeof(names[i]), "n%u", i);
		snprintf(cidrs[i], sizeof(cidrs[i]), "10.1.%u.%u/%u", low >> 8 & 3,
			 low & 255, len);
		if (host)
			snprintf(addresses[i], sizeof(addresses[i]), "10.1.%u.%u",
				 host >> 8, host & 255);
		else
			snprintf(addresses[i], sizeof(addresses[i]), "192.0.2.%u",
				 20 + i);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t at = (i * 7 + shift) % MANY;

		put(world, names[at], cidrs[at], addresses[at], 1 + at * 13 % 10);
	}
}

static void the_order_of_events_makes_no_difference(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed < 50; seed++) {
		struct world one, other;

		begin(&one);
		begin(&other);
		put_many(&one, seed, 0);
		put_many(&other, seed, seed % MANY);
		judge(&one);
		judge(&other);
		assert_true(one.refused > 0 && one.refused < MANY);
		for (size_t i = 0; i < one.nodes.n; i++)
			assert_int_equal(one.nodes.items[i].ranges[0],
					 other.nodes.items[i].ranges[0]);
		/* Nothing new: nothing is given to another. */
		one.refused = 0;
		judge(&one);
		for (size_t i = 0; i < one.nodes.n; i++)
			assert_int_equal(one.nodes.items[i].ranges[0] == RANGE_ACCEPTED,
					 other.nodes.items[i].ranges[0] ==
						 RANGE_ACCEPTED);
		end(&one);
		end(&other);
	}
}

/* Each pair compared would take seconds. */
static void thousands_of_claims_to_one_podcidr_take_no_time(void **state)
{
	struct world world;
	clock_t began;

	(void)state;
	begin(&world);
	for (unsigned int i = 0; i < 10000; i++) {
		char name[16], cidr[32], address[32];

		snprintf(name, sizeof(name), "n%05u", i);
		snprintf(cidr, sizeof(cidr), "10.64.0.0/%u", 16 + i % 4);
		snprintf(address, sizeof(address), "10.%u.%u.1", 80 + i / 250, i % 250);
		put(&world, name, cidr, address, i);
	}
	began = clock();
	assert_int_equal(pod_ranges_judge(&world.nodes, &world.rules, note, &world, NULL),
			 0);
	assert_true(clock() - began < CLOCKS_PER_SEC / 2);
	assert_int_equal(world.refused, 9999);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_podcidr_by_itself),
		cmocka_unit_test(the_cluster_cidr_narrows_its_own_family),
		cmocka_unit_test(what_was_accepted_stays_and_what_is_freed_is_given),
		cmocka_unit_test(what_the_kernel_has_a_route_to_comes_before_older_nodes),
		cmocka_unit_test(internal_ips_and_podcidrs_keep_apart),
		cmocka_unit_test(internal_ips_that_no_other_host_has),
		cmocka_unit_test(further_internal_ips_are_nobodys_podcidr),
		cmocka_unit_test(the_list_has_accepted_ones_alone),
		cmocka_unit_test(the_order_of_events_makes_no_difference),
		cmocka_unit_test(thousands_of_claims_to_one_podcidr_take_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
