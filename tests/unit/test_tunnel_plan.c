/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/tunnel/tunnel_plan.h: which nodes are reached by a tunnel, between which
 * addresses, and whose pods are behind whom. */
#include "deploy/agent/api/node_mac.h"
#include "plan_world.h"

/* The name of the peer behind which @cidr is; "": it is behind nobody. */
static const char *behind(const struct tunnel_plan *plan, const char *cidr)
{
	struct ip_prefix wanted = prefix(cidr);

	for (size_t i = 0; i < plan->n_ranges; i++)
		if (prefix_equal(&plan->ranges[i].cidr, &wanted))
			return plan->peers[plan->ranges[i].peer].node->name;
	return "";
}

static void a_range_is_behind_the_node_that_has_or_had_it(void **state)
{
	struct world world;
	struct tunnel_plan plan = {};

	(void)state;
	begin(&world);
	put_node(&world, "own", "10.1.0.0/24", "fd00::/64", "192.0.2.11", "");
	put_node(&world, "one", "10.1.1.0/24", "fd00:0:0:1::/64", "198.51.100.1", "");
	put_node(&world, "two", "10.1.2.0/24", "", "198.51.100.2", "");
	put_node(&world, "none", "", "", "198.51.100.3", "");
	judge(&world);
	put_node(&world, "two", "10.1.7.0/24", "", "198.51.100.2", "");
	/* This node's own gateway is in that podCIDR: it is refused. */
	put_node(&world, "bad", "192.0.2.0/24", "", "198.51.100.4", "");
	plan_make(&world, &plan);
	assert_string_equal(behind(&plan, "10.1.1.0/24"), "one");
	assert_string_equal(behind(&plan, "fd00:0:0:1::/64"), "one");
	assert_string_equal(behind(&plan, "10.1.7.0/24"), "two");
	assert_string_equal(behind(&plan, "10.1.2.0/24"), "two");
	assert_int_equal(plan.n_ranges, 4);
	assert_string_equal(PREFIX_TEXT(&plan.cidrs[0]), "10.1.0.0/24");
	assert_string_equal(PREFIX_TEXT(&plan.cidrs[1]), "fd00::/64");
	for (size_t i = 1; i < plan.n_ranges; i++)
		assert_true(ip_cmp(&plan.ranges[i - 1].cidr.addr,
				   &plan.ranges[i].cidr.addr) < 0);
	tunnel_plan_clear(&plan);
	end(&world);
}

static void two_nodes_use_the_first_of_this_nodes_families_that_both_have(void **state)
{
	struct world world;
	struct tunnel_plan plan = {};

	(void)state;
	begin(&world);
	put_node(&world, "own", "10.1.0.0/24", "", "2001:db8::11", "192.0.2.11");
	put_node(&world, "both", "10.1.1.0/24", "", "198.51.100.1", "2001:db8::1");
	put_node(&world, "four", "10.1.2.0/24", "", "198.51.100.2", "");
	put_node(&world, "six", "10.1.3.0/24", "", "2001:db8::3", "");
	put_node(&world, "bare", "10.1.4.0/24", "", "", "");
	plan_make(&world, &plan);
	assert_int_equal(peer_of(&plan, "both")->underlay, 1);
	assert_int_equal(peer_of(&plan, "four")->underlay, 0);
	assert_int_equal(peer_of(&plan, "six")->underlay, 1);
	assert_int_equal(peer_of(&plan, "six")->problem, ROUTE_FINE);
	assert_int_equal(peer_of(&plan, "bare")->problem, ROUTE_NO_ADDRESS);
	put_node(&world, "own", "10.1.0.0/24", "", "192.0.2.11", "2001:db8::11");
	plan_make(&world, &plan);
	assert_int_equal(peer_of(&plan, "both")->underlay, 0);
	put_node(&world, "own", "10.1.0.0/24", "", "192.0.2.11", "");
	plan_make(&world, &plan);
	assert_int_equal(peer_of(&plan, "six")->problem, ROUTE_NO_COMMON_FAMILY);
	assert_int_equal(peer_of(&plan, "both")->problem, ROUTE_FINE);
	/* What comes may come by either family. */
	assert_int_equal(peer_of(&plan, "both")->addresses[0].family, 2);
	assert_int_not_equal(peer_of(&plan, "both")->addresses[1].family, 0);
	tunnel_plan_clear(&plan);
	end(&world);
}

static void two_nodes_with_one_internal_ip_are_both_without_it(void **state)
{
	struct world world;
	struct tunnel_plan plan = {};

	(void)state;
	begin(&world);
	put_node(&world, "own", "10.1.0.0/24", "", "192.0.2.11", "2001:db8::11");
	put_node(&world, "one", "10.1.1.0/24", "", "198.51.100.1", "");
	put_node(&world, "thief", "10.1.2.0/24", "", "198.51.100.1", "2001:db8::2");
	put_node(&world, "self", "10.1.3.0/24", "", "192.0.2.11", "");
	plan_make(&world, &plan);
	assert_int_equal(peer_of(&plan, "one")->problem, ROUTE_SHARED_ADDRESS);
	assert_int_equal(peer_of(&plan, "one")->addresses[0].family, 0);
	assert_int_equal(peer_of(&plan, "thief")->addresses[0].family, 0);
	/* Its other address is nobody else's. */
	assert_int_equal(peer_of(&plan, "thief")->problem, ROUTE_FINE);
	assert_int_equal(peer_of(&plan, "thief")->underlay, 1);
	assert_int_equal(peer_of(&plan, "thief")->shared, 1);
	assert_int_equal(peer_of(&plan, "one")->shared, 1);
	assert_int_equal(peer_of(&plan, "self")->problem, ROUTE_OWN_ADDRESS);
	assert_int_equal(peer_of(&plan, "self")->addresses[0].family, 0);
	assert_true(node_table_remove(&world.nodes, "thief"));
	plan_make(&world, &plan);
	assert_int_equal(peer_of(&plan, "one")->problem, ROUTE_FINE);
	tunnel_plan_clear(&plan);
	end(&world);
}

static void where_keys_count_nobody_takes_an_internal_ip_from_another(void **state)
{
	struct world world;
	struct tunnel_plan plan = {};

	(void)state;
	begin(&world);
	put_node(&world, "own", "10.1.0.0/24", "", "192.0.2.11", "");
	put_node(&world, "one", "10.1.1.0/24", "", "198.51.100.1", "");
	put_node(&world, "thief", "10.1.2.0/24", "", "198.51.100.1", "");
	put_node(&world, "self", "10.1.3.0/24", "", "192.0.2.11", "");
	judge(&world);
	assert_int_equal(tunnel_plan_make(&world.nodes, "own", true, &plan, NULL), 0);
	assert_int_equal(peer_of(&plan, "one")->problem, ROUTE_FINE);
	assert_string_equal(IP_TEXT(&peer_of(&plan, "one")->addresses[0]),
			    "198.51.100.1");
	assert_int_equal(peer_of(&plan, "self")->problem, ROUTE_OWN_ADDRESS);
	tunnel_plan_clear(&plan);
	end(&world);
}

static void the_way_is_by_an_address_of_the_peer_or_by_the_device_alone(void **state)
{
	struct world world;
	struct tunnel_plan plan = {};
	struct tunnel_way way;
	const struct cluster_node *one;
	struct ip_prefix cidr = prefix("10.1.1.0/24");

	(void)state;
	begin(&world);
	put_node(&world, "own", "10.1.0.0/24", "", "192.0.2.11", "");
	put_node(&world, "one", "10.1.1.0/24", "", "198.51.100.1", "");
	put_node(&world, "six", "10.1.2.0/24", "", "2001:db8::1", "");
	plan_make(&world, &plan);
	one = node_table_find(&world.nodes, "one");
	assert_int_equal(tunnel_plan_way(&plan, one, &cidr, &way), ROUTE_NO_TUNNEL);
	peer_of(&plan, "one")->device = 7;
	assert_int_equal(tunnel_plan_way(&plan, one, &cidr, &way), ROUTE_FINE);
	assert_int_equal(way.device, 7);
	assert_int_equal(way.gw.family, 0);
	plan.by_gateway = true;
	assert_int_equal(tunnel_plan_way(&plan, one, &cidr, &way), ROUTE_FINE);
	assert_string_equal(IP_TEXT(&way.gw), "10.1.1.0");
	cidr = prefix("fd00:1:1::/64");
	peer_of(&plan, "one")->mac = (struct mac_addr){true, {2, 0, 0x5e, 0x10, 0, 1}};
	assert_int_equal(tunnel_plan_way(&plan, one, &cidr, &way), ROUTE_FINE);
	assert_string_equal(IP_TEXT(&way.gw), "fe80::5eff:fe10:1");
	cidr = prefix("10.1.2.0/24");
	assert_int_equal(tunnel_plan_way(&plan, node_table_find(&world.nodes, "six"),
					 &cidr, &way),
			 ROUTE_NO_COMMON_FAMILY);
	tunnel_plan_clear(&plan);
	end(&world);
}

static void a_mac_address_follows_from_the_name_and_is_a_hosts(void **state)
{
	struct mac_addr one = node_mac("node1"), again = node_mac("node1"),
			other = node_mac("node2");

	(void)state;
	assert_memory_equal(one.bytes, again.bytes, MAC_LEN);
	assert_memory_not_equal(one.bytes, other.bytes, MAC_LEN);
	assert_int_equal(one.bytes[0] & 3, 2);
	assert_int_equal(other.bytes[0] & 3, 2);
	/* The nodes of a cluster need not have the same version. */
	assert_string_equal(MAC_TEXT(&one), "fa:99:ec:d8:db:2c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_is_behind_the_node_that_has_or_had_it),
		cmocka_unit_test(
			two_nodes_use_the_first_of_this_nodes_families_that_both_have),
		cmocka_unit_test(two_nodes_with_one_internal_ip_are_both_without_it),
		cmocka_unit_test(
			where_keys_count_nobody_takes_an_internal_ip_from_another),
		cmocka_unit_test(
			the_way_is_by_an_address_of_the_peer_or_by_the_device_alone),
		cmocka_unit_test(a_mac_address_follows_from_the_name_and_is_a_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
