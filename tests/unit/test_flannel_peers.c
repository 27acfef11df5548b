/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/tunnel/flannel_peers.h: whose annotations of flannel are used, and which
 * are refused. */
#include "deploy/agent/tunnel/flannel_peers.h"
#include "deploy/agent/api/node_mac.h"
#include "plan_world.h"

#define MAC_A "0a:00:00:00:00:0a"
#define MAC_B "0a:00:00:00:00:0b"
#define VNI   1

/* A Node with 10.1.@number.0/24 and fd00:0:0:@number::/64, and InternalIPs; "": none. */
static struct node_object object(const char *name, int number, const char *addr4,
				 const char *addr6)
{
	char cidr4[PREFIX_TEXT_MAX], cidr6[PREFIX_TEXT_MAX];

	snprintf(cidr4, sizeof(cidr4), "10.1.%d.0/24", number);
	snprintf(cidr6, sizeof(cidr6), "fd00:0:0:%d::/64", number);
	return node_made(name, cidr4, cidr6, addr4, addr6);
}

/* Gives it flannel's annotations; NULL: the family has none. */
static void annotate(struct node_object *node, const char *mac4, const char *addr4,
		     const char *mac6, const char *addr6, uint32_t vni)
{
	const char *macs[] = {mac4, mac6}, *addresses[] = {addr4, addr6};
	char data[2][FLANNEL_DATA_MAX];

	annotation_texts_set(&node->annotations, FLANNEL_MANAGED, "true");
	annotation_texts_set(&node->annotations, FLANNEL_TYPE, "vxlan");
	for (int i = 0; i < 2; i++) {
		struct mac_addr mac;

		if (!macs[i])
			continue;
		assert_int_equal(mac_parse(macs[i], &mac), 0);
		flannel_data_write(vni, &mac, data[i]);
		annotation_texts_set(&node->annotations, FLANNEL_DATA + i, data[i]);
	}
	for (int i = 0; i < 2; i++)
		if (addresses[i])
			annotation_texts_set(&node->annotations, FLANNEL_PUBLIC + i,
					     addresses[i]);
}

static void put_flannel(struct world *world, const char *name, int number,
			const char *internal, const char *mac, const char *public_ip)
{
	struct node_object node = object(name, number, internal, "");

	annotate(&node, mac, public_ip, NULL, NULL, VNI);
	put_object(world, &node);
}

static void begin_cluster(struct world *world)
{
	struct node_object own = object("own", 0, "192.0.2.11", "2001:db8::11");
	struct node_object ours = object("ours", 9, "198.51.100.9", "2001:db8::9");

	begin(world);
	put_object(world, &own);
	put_object(world, &ours);
}

static void flannel_plan_make(struct world *world, struct tunnel_plan *plan)
{
	struct flannel_rules rules = {.vni = VNI, .around = &world->around};

	plan_make(world, plan);
	assert_int_equal(flannel_peers_make(plan, &rules, NULL), 0);
}

static struct flannel_end *end_of(struct tunnel_plan *plan, const char *name, int family)
{
	struct tunnel_peer *peer = peer_of(plan, name);

	assert_non_null(peer->flannel);
	return &peer->flannel[family];
}

static void assert_refused(struct tunnel_plan *plan, const char *name, int family,
			   enum flannel_note at, enum flannel_fault fault)
{
	const struct flannel_end *refused = end_of(plan, name, family);
	struct tunnel_end none;

	assert_int_equal(refused->problem, ROUTE_FLANNEL);
	assert_int_equal(refused->fault, fault);
	assert_int_equal(refused->at, at);
	assert_int_equal(tunnel_peer_end(peer_of(plan, name), family, &none),
			 ROUTE_FLANNEL);
}

static void each_family_goes_over_its_own_underlay(void **state)
{
	struct world world;
	struct tunnel_plan plan = {};
	struct tunnel_end to;
	struct tunnel_way way;
	struct node_object node = object("one", 1, "198.51.100.1", "2001:db8::1");

	(void)state;
	begin_cluster(&world);
	annotate(&node, MAC_A, "203.0.113.1", MAC_B, "2001:db8::1", VNI);
	put_object(&world, &node);
	flannel_plan_make(&world, &plan);
	assert_int_equal(tunnel_peer_end(peer_of(&plan, "one"), 0, &to), ROUTE_FINE);
	assert_int_equal(to.underlay, 0);
	assert_string_equal(IP_TEXT(to.addr), "203.0.113.1");
	assert_string_equal(MAC_TEXT(to.mac), MAC_A);
	assert_int_equal(tunnel_peer_end(peer_of(&plan, "one"), 1, &to), ROUTE_FINE);
	assert_int_equal(to.underlay, 1);
	assert_string_equal(IP_TEXT(to.addr), "2001:db8::1");
	assert_string_equal(MAC_TEXT(to.mac), MAC_B);
	end_of(&plan, "one", 1)->device = 7;
	assert_int_equal(tunnel_plan_way(&plan, peer_of(&plan, "one")->node,
					 &node.cidrs[1], &way),
			 ROUTE_FINE);
	assert_int_equal(way.device, 7);
	assert_int_equal(tunnel_plan_way(&plan, peer_of(&plan, "one")->node,
					 &node.cidrs[0], &way),
			 ROUTE_NO_TUNNEL);
	assert_true(tunnel_plan_prefers(&plan, peer_of(&plan, "one")->node, 0));
	/* Another node of this agent is reached as without flannel. */
	assert_null(peer_of(&plan, "ours")->flannel);
	assert_int_equal(tunnel_peer_end(peer_of(&plan, "ours"), 1, &to), ROUTE_FINE);
	assert_int_equal(to.underlay, 0);
	assert_false(tunnel_plan_prefers(&plan, peer_of(&plan, "ours")->node, 0));
	tunnel_plan_clear(&plan);
	end(&world);
}

static void what_this_agent_writes_makes_no_node_flannels(void **state)
{
	struct world world;
	struct tunnel_plan plan = {};
	struct mac_addr mac = node_mac("one");
	char text[MAC_TEXT_MAX];

	(void)state;
	begin_cluster(&world);
	mac_format(&mac, text);
	put_flannel(&world, "one", 1, "198.51.100.1", text, "198.51.100.1");
	flannel_plan_make(&world, &plan);
	assert_null(peer_of(&plan, "one")->flannel);
	assert_int_equal(peer_of(&plan, "one")->problem, ROUTE_FINE);
	/* flannel is back there, and has found that MAC address. */
	put_flannel(&world, "one", 1, "198.51.100.1", text, "203.0.113.1");
	flannel_plan_make(&world, &plan);
	assert_string_equal(IP_TEXT(&end_of(&plan, "one", 0)->addr), "203.0.113.1");
	tunnel_plan_clear(&plan);
	end(&world);
}

static void a_family_without_annotations_is_told_where_it_has_pods(void **state)
{
	struct world world;
	struct tunnel_plan plan = {};
	struct node_object bare = object("bare", 2, "198.51.100.2", "");

	(void)state;
	begin_cluster(&world);
	put_flannel(&world, "one", 1, "198.51.100.1", MAC_A, "198.51.100.1");
	bare.cidrs[1] = (struct ip_prefix){};
	annotate(&bare, MAC_B, "198.51.100.2", NULL, NULL, VNI);
	put_object(&world, &bare);
	flannel_plan_make(&world, &plan);
	assert_int_equal(end_of(&plan, "one", 0)->problem, ROUTE_FINE);
	assert_refused(&plan, "one", 1, FLANNEL_DATA_6, FLANNEL_MISSING);
	assert_int_equal(end_of(&plan, "bare", 1)->problem, ROUTE_NO_CIDR);
	tunnel_plan_clear(&plan);
	end(&world);
}

static void an_address_that_is_not_the_nodes_alone_is_refused(void **state)
{
	static const struct {
		const char *address;
		enum flannel_fault fault;
	} cases[] = {
		{"203.0.113.1", FLANNEL_FINE},
		{"198.51.100.1", FLANNEL_FINE},
		{"198.51.100.9", FLANNEL_ADDRESS_OF_NODE}, /* another node's */
		{"198.51.100.8", FLANNEL_ADDRESS_OF_NODE}, /* its second one */
		{"192.0.2.11", FLANNEL_OWN_ADDRESS},
		{"10.1.9.3", FLANNEL_ADDRESS_OF_PODS},
		{"10.1.0.3", FLANNEL_ADDRESS_OF_PODS}, /* of this node's own pods */
		{"10.1.1.3", FLANNEL_ADDRESS_OF_PODS},
		{"127.0.0.1", FLANNEL_UNUSABLE_ADDRESS},
		{"224.0.0.1", FLANNEL_UNUSABLE_ADDRESS},
		{"0.0.0.0", FLANNEL_UNUSABLE_ADDRESS},
		{"255.255.255.255", FLANNEL_UNUSABLE_ADDRESS},
		{"192.0.2.255", FLANNEL_UNUSABLE_ADDRESS}, /* broadcast of its link */
	};
	struct node_object more = object("ours", 9, "198.51.100.9", "2001:db8::9");
	struct world world;
	struct tunnel_plan plan = {};

	(void)state;
	begin_cluster(&world);
	more.more[more.n_more++] = addr("198.51.100.8");
	put_object(&world, &more);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_flannel(&world, "one", 1, "198.51.100.1", MAC_A, cases[i].address);
		flannel_plan_make(&world, &plan);
		if (cases[i].fault)
			assert_refused(&plan, "one", 0, FLANNEL_PUBLIC, cases[i].fault);
		else
			assert_int_equal(end_of(&plan, "one", 0)->problem, ROUTE_FINE);
		/* The other node goes on. */
		assert_int_equal(peer_of(&plan, "ours")->problem, ROUTE_FINE);
		assert_string_equal(IP_TEXT(&peer_of(&plan, "ours")->addresses[0]),
				    "198.51.100.9");
	}
	tunnel_plan_clear(&plan);
	end(&world);
}

static void two_that_say_the_same_are_both_refused(void **state)
{
	struct world world;
	struct tunnel_plan plan = {};

	(void)state;
	begin_cluster(&world);
	put_flannel(&world, "one", 1, "198.51.100.1", MAC_A, "203.0.113.1");
	put_flannel(&world, "two", 2, "198.51.100.2", MAC_B, "203.0.113.1");
	flannel_plan_make(&world, &plan);
	assert_refused(&plan, "one", 0, FLANNEL_PUBLIC, FLANNEL_SHARED_ADDRESS);
	assert_refused(&plan, "two", 0, FLANNEL_PUBLIC, FLANNEL_SHARED_ADDRESS);
	/* Whose InternalIP it is has it. */
	put_flannel(&world, "one", 1, "198.51.100.1", MAC_A, "198.51.100.1");
	put_flannel(&world, "two", 2, "198.51.100.2", MAC_B, "198.51.100.1");
	flannel_plan_make(&world, &plan);
	assert_int_equal(end_of(&plan, "one", 0)->problem, ROUTE_FINE);
	assert_refused(&plan, "two", 0, FLANNEL_PUBLIC, FLANNEL_ADDRESS_OF_NODE);
	put_flannel(&world, "two", 2, "198.51.100.2", MAC_A, "198.51.100.2");
	flannel_plan_make(&world, &plan);
	assert_refused(&plan, "one", 0, FLANNEL_DATA, FLANNEL_SHARED_MAC);
	assert_refused(&plan, "two", 0, FLANNEL_DATA, FLANNEL_SHARED_MAC);
	tunnel_plan_clear(&plan);
	end(&world);
}

static void the_mac_address_of_another_nodes_device_is_refused(void **state)
{
	static const char *const names[] = {"ours", "own"};
	struct world world;
	struct tunnel_plan plan = {};

	(void)state;
	begin_cluster(&world);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct mac_addr mac = node_mac(names[i]);

		put_flannel(&world, "one", 1, "198.51.100.1", MAC_TEXT(&mac),
			    "198.51.100.1");
		flannel_plan_make(&world, &plan);
		assert_refused(&plan, "one", 0, FLANNEL_DATA, FLANNEL_MAC_OF_NODE);
		assert_int_equal(peer_of(&plan, "ours")->problem, ROUTE_FINE);
	}
	tunnel_plan_clear(&plan);
	end(&world);
}

static void another_vni_and_a_family_that_this_node_lacks_are_told(void **state)
{
	struct world world;
	struct tunnel_plan plan = {};
	struct node_object node = object("one", 1, "198.51.100.1", "2001:db8::1");
	struct node_object own = object("own", 0, "192.0.2.11", "");

	(void)state;
	begin_cluster(&world);
	annotate(&node, MAC_A, "198.51.100.1", MAC_B, "2001:db8::1", VNI + 1);
	put_object(&world, &node);
	flannel_plan_make(&world, &plan);
	for (int i = 0; i < 2; i++)
		assert_refused(&plan, "one", i, FLANNEL_DATA + i, FLANNEL_OTHER_VNI);
	node.annotations = (struct annotation_texts){};
	annotate(&node, MAC_A, "198.51.100.1", MAC_B, "2001:db8::1", VNI);
	put_object(&world, &node);
	put_object(&world, &own);
	flannel_plan_make(&world, &plan);
	assert_int_equal(end_of(&plan, "one", 0)->problem, ROUTE_FINE);
	assert_int_equal(end_of(&plan, "one", 1)->problem, ROUTE_NO_COMMON_FAMILY);
	tunnel_plan_clear(&plan);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_family_goes_over_its_own_underlay),
		cmocka_unit_test(what_this_agent_writes_makes_no_node_flannels),
		cmocka_unit_test(a_family_without_annotations_is_told_where_it_has_pods),
		cmocka_unit_test(an_address_that_is_not_the_nodes_alone_is_refused),
		cmocka_unit_test(two_that_say_the_same_are_both_refused),
		cmocka_unit_test(the_mac_address_of_another_nodes_device_is_refused),
		cmocka_unit_test(another_vni_and_a_family_that_this_node_lacks_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
