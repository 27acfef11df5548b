/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes that the plugin adds, changes and removes, as libnl-route reads them. */
#include "netlink_oracle.h"

#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "plugin/netlink/fib.h"
#include "plugin/netlink/route.h"

#define INDEX 7
#define TABLE 1000 /* more than the header of a message has room for */
#define NEW   (NLM_F_CREATE | NLM_F_EXCL)

/* What a route of the plugin's is to be; libnl-route tells IP addresses as text. */
struct wanted {
	const char *dst, *gw, *via; /* NULL: none */
	int index; /* 0: no next hop at all */
	uint32_t table, priority, mtu, advmss;
	uint8_t family, protocol, scope;
};

static void assert_metric(struct rtnl_route *route, int metric, uint32_t wanted)
{
	uint32_t value = 0;
	int ret = rtnl_route_get_metric(route, metric, &value);

	assert_int_equal(ret, wanted ? 0 : -NLE_OBJ_NOTFOUND);
	assert_int_equal(value, wanted);
}

static void assert_hop(struct rtnl_route *route, const struct wanted *wanted)
{
	struct rtnl_nexthop *hop;

	assert_int_equal(rtnl_route_get_nnexthops(route), wanted->index ? 1 : 0);
	if (!wanted->index)
		return;
	hop = rtnl_route_nexthop_n(route, 0);
	assert_int_equal(rtnl_route_nh_get_ifindex(hop), wanted->index);
	assert_nl_addr(rtnl_route_nh_get_gateway(hop), wanted->gw ?: "none");
	assert_nl_addr(rtnl_route_nh_get_via(hop), wanted->via ?: "none");
}

static void assert_route(struct oracle *o, size_t i, int type, int asked,
			 const struct wanted *wanted)
{
	struct rtnl_route *route = decoded(o, i, type, asked);

	assert_int_equal(rtnl_route_get_family(route), wanted->family);
	assert_nl_addr(rtnl_route_get_dst(route), wanted->dst);
	assert_int_equal(rtnl_route_get_table(route), wanted->table);
	assert_int_equal(rtnl_route_get_priority(route), wanted->priority);
	assert_int_equal(rtnl_route_get_protocol(route), wanted->protocol);
	assert_int_equal(rtnl_route_get_scope(route), wanted->scope);
	assert_int_equal(rtnl_route_get_type(route), RTN_UNICAST);
	assert_int_equal(rtnl_route_get_flags(route), 0);
	assert_metric(route, RTAX_MTU, wanted->mtu);
	assert_metric(route, RTAX_ADVMSS, wanted->advmss);
	assert_hop(route, wanted);
}

static void a_route_with_all_that_it_can_have(void **state)
{
	const struct route v4 = {
		.dst = prefix_of("192.0.2.0/24"),
		.gw = ip_of("10.1.2.1"),
		.mtu = 1400,
		.advmss = 1360,
		.priority = 50,
		.table_set = true,
		.table = TABLE,
		.scope_set = true,
		.scope = RT_SCOPE_SITE,
	};
	const struct route v6 = {
		.dst = prefix_of("2001:db8::/32"),
		.gw = ip_of("fd00:1::1"),
		.advmss = 1220,
	};
	struct oracle *o = *state;

	queue_route_add(o->nl, INDEX, "eth0", &v4, true);
	queue_route_add(o->nl, INDEX, "eth0", &v6, false);
	commit(o, 2);
	assert_route(o, 0, RTM_NEWROUTE, NEW,
		     &(struct wanted){"192.0.2.0/24", "10.1.2.1", NULL, INDEX, TABLE, 50,
				      1400, 1360, AF_INET, RTPROT_BOOT, RT_SCOPE_SITE});
	assert_route(o, 1, RTM_NEWROUTE, NLM_F_CREATE,
		     &(struct wanted){"2001:db8::/32", "fd00:1::1", NULL, INDEX,
				      RT_TABLE_MAIN, 0, 0, 1220, AF_INET6, RTPROT_BOOT,
				      RT_SCOPE_UNIVERSE});
}

static void default_routes_and_routes_on_the_link(void **state)
{
	const struct route default4 = {.dst = prefix_of("0.0.0.0/0"),
				       .gw = ip_of("10.1.2.1")};
	const struct route default6 = {.dst = prefix_of("::/0"), .gw = ip_of("fe80::1")};
	const struct route link4 = {.dst = prefix_of("192.0.2.1/32"), .mtu = 1300};
	const struct route link6 = {.dst = prefix_of("2001:db8::1/128")};
	struct oracle *o = *state;

	queue_route_add(o->nl, INDEX, "eth0", &default4, true);
	queue_route_add(o->nl, INDEX, "eth0", &default6, true);
	queue_route_add(o->nl, INDEX, "eth0", &link4, true);
	queue_route_add(o->nl, INDEX, "eth0", &link6, true);
	commit(o, 4);
	assert_route(o, 0, RTM_NEWROUTE, NEW,
		     &(struct wanted){"none", "10.1.2.1", NULL, INDEX, RT_TABLE_MAIN, 0,
				      0, 0, AF_INET, RTPROT_BOOT, RT_SCOPE_UNIVERSE});
	assert_route(o, 1, RTM_NEWROUTE, NEW,
		     &(struct wanted){"none", "fe80::1", NULL, INDEX, RT_TABLE_MAIN, 0, 0,
				      0, AF_INET6, RTPROT_BOOT, RT_SCOPE_UNIVERSE});
	assert_route(o, 2, RTM_NEWROUTE, NEW,
		     &(struct wanted){"192.0.2.1", NULL, NULL, INDEX, RT_TABLE_MAIN, 0,
				      1300, 0, AF_INET, RTPROT_BOOT, RT_SCOPE_LINK});
	assert_route(o, 3, RTM_NEWROUTE, NEW,
		     &(struct wanted){"2001:db8::1", NULL, NULL, INDEX, RT_TABLE_MAIN, 0,
				      0, 0, AF_INET6, RTPROT_BOOT, RT_SCOPE_UNIVERSE});
}

static void an_ipv4_route_by_an_ipv6_gateway(void **state)
{
	const struct route route = {.dst = prefix_of("0.0.0.0/0"),
				    .gw = ip_of("fe80::1")};
	struct oracle *o = *state;

	queue_route_add(o->nl, INDEX, "eth0", &route, true);
	commit(o, 1);
	assert_route(o, 0, RTM_NEWROUTE, NEW,
		     &(struct wanted){"none", NULL, "fe80::1", INDEX, RT_TABLE_MAIN, 0, 0,
				      0, AF_INET, RTPROT_BOOT, RT_SCOPE_UNIVERSE});
}

static const uint8_t protocol = 99;

static struct kernel_route kernel_route(void)
{
	return (struct kernel_route){
		.route = {.dst = prefix_of("10.2.0.0/24"), .gw = ip_of("192.0.2.7")},
		.index = INDEX,
		.protocol = protocol,
		.type = RTN_UNICAST,
		.hops = 1,
	};
}

static void routes_between_nodes(void **state)
{
	const struct wanted wanted = {"10.2.0.0/24",
				      "192.0.2.7",
				      NULL,
				      INDEX,
				      RT_TABLE_MAIN,
				      0,
				      0,
				      0,
				      AF_INET,
				      protocol,
				      RT_SCOPE_UNIVERSE};
	struct kernel_route route = kernel_route();
	struct oracle *o = *state;

	queue_route_set(o->nl, &route, false);
	queue_route_set(o->nl, &route, true);
	queue_route_del(o->nl, &route);
	commit(o, 3);
	assert_route(o, 0, RTM_NEWROUTE, NEW, &wanted);
	assert_route(o, 1, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &wanted);
	assert_route(o, 2, RTM_DELROUTE, 0, &wanted);
}

static void a_route_to_a_pod_has_a_source(void **state)
{
	const struct kernel_route route = {
		.route.dst = prefix_of("fd00:1::5/128"),
		.source = ip_of("fd00:1::1"),
		.index = INDEX,
		.protocol = protocol,
	};
	struct oracle *o = *state;

	queue_route_set(o->nl, &route, false);
	commit(o, 1);
	assert_route(o, 0, RTM_NEWROUTE, NEW,
		     &(struct wanted){.dst = "fd00:1::5",
				      .index = INDEX,
				      .table = RT_TABLE_MAIN,
				      .family = AF_INET6,
				      .protocol = protocol});
	assert_nl_addr(rtnl_route_get_pref_src((struct rtnl_route *)o->decoded[0]),
		       "fd00:1::1");
}

/* libnl-route 3.7 knows nothing of nexthop objects. */
static void a_route_by_a_nexthop_object_is_removed_by_its_number(void **state)
{
	const struct wanted wanted = {
		"10.2.0.0/24", NULL,	 NULL,	       0, RT_TABLE_MAIN, 0, 0, 0,
		AF_INET,       protocol, RT_SCOPE_LINK};
	struct kernel_route route = kernel_route();
	struct oracle *o = *state;

	route.nexthop = 12;
	queue_route_del(o->nl, &route);
	commit(o, 1);
	assert_route(o, 0, RTM_DELROUTE, 0, &wanted);
	assert_attr_u32(attr_of(nlmsg_hdr(o->sent[0]), sizeof(struct rtmsg), RTA_NH_ID),
			12);
}

static void add_hop(struct rtnl_route *route, int index, const char *gateway)
{
	struct nl_addr *gw = nl_addr_of(gateway, AF_UNSPEC);
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();

	rtnl_route_nh_set_ifindex(hop, index);
	if (nl_addr_get_family(gw) == AF_INET)
		rtnl_route_nh_set_gateway(hop, gw);
	else
		rtnl_route_nh_set_via(hop, gw);
	rtnl_route_add_nexthop(route, hop);
	nl_addr_put(gw);
}

/* The kernel's answer: a route by these gateways; the second may be NULL. */
static struct nl_msg *route_told(uint8_t type, const char *first, const char *second)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct nl_addr *dst = nl_addr_of("192.0.2.0/24", AF_INET);
	struct nl_msg *msg = NULL;

	rtnl_route_set_dst(route, dst);
	rtnl_route_set_table(route, TABLE);
	rtnl_route_set_priority(route, 50);
	rtnl_route_set_protocol(route, protocol);
	rtnl_route_set_scope(route, RT_SCOPE_SITE);
	rtnl_route_set_type(route, type);
	rtnl_route_set_metric(route, RTAX_MTU, 1400);
	rtnl_route_set_metric(route, RTAX_ADVMSS, 1360);
	add_hop(route, INDEX, first);
	if (second)
		add_hop(route, INDEX + 1, second);
	assert_int_equal(rtnl_route_build_add_request(route, 0, &msg), 0);
	rtnl_route_put(route);
	nl_addr_put(dst);
	return msg;
}

static void assert_told(const struct kernel_route *told, unsigned int index,
			const char *gateway)
{
	const struct route *route = &told->route;

	assert_int_equal(told->index, index);
	assert_string_equal(IP_TEXT(&route->gw), gateway);
	assert_string_equal(PREFIX_TEXT(&route->dst), "192.0.2.0/24");
	assert_int_equal(told->protocol, protocol);
	assert_int_equal(told->type, RTN_UNICAST);
	assert_true(route->table_set);
	assert_int_equal(route->table, TABLE);
	assert_int_equal(route->priority, 50);
	assert_true(route->scope_set);
	assert_int_equal(route->scope, RT_SCOPE_SITE);
	assert_int_equal(route->mtu, 1400);
	assert_int_equal(route->advmss, 1360);
}

static void routes_that_libnl_tells_of_are_listed_a_next_hop_an_entry(void **state)
{
	static const char *const cases[][2] = {
		{"10.1.2.1", NULL},
		{"fe80::1", NULL},
		{"10.1.2.1", "10.1.3.1"},
		{"10.1.2.1", "fe80::1"},
	};
	struct kernel_route_list list = {};
	struct oracle *o = *state;
	struct cni_error err = {};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nl_msg *told = route_told(RTN_UNICAST, cases[i][0], cases[i][1]);
		size_t hops = cases[i][1] ? 2 : 1;

		kernel_answers(o, told);
		assert_int_equal(route_list_get(o->nl, AF_INET, &list, &err), 0);
		kernel_receives(o, 1);
		assert_int_equal(list.n, hops);
		for (size_t hop = 0; hop < hops; hop++) {
			assert_told(&list.items[hop], INDEX + hop, cases[i][hop]);
			assert_int_equal(list.items[hop].hop, hop);
			assert_int_equal(list.items[hop].hops, hops);
		}
		assert_int_equal(
			rtnl_route_get_family(decoded(o, 0, RTM_GETROUTE, NLM_F_DUMP)),
			AF_INET);
		kernel_route_list_clear(&list);
		nlmsg_free(told);
	}
}

static void a_route_that_drops_is_listed_only_where_all_are(void **state)
{
	struct nl_msg *told = route_told(RTN_BLACKHOLE, "10.1.2.1", NULL);
	struct kernel_route_list list = {};
	struct oracle *o = *state;
	struct cni_error err = {};

	kernel_answers(o, told);
	assert_int_equal(route_list_get(o->nl, AF_INET, &list, &err), 0);
	assert_int_equal(list.n, 0);
	kernel_route_list_clear(&list);
	kernel_answers(o, told);
	assert_int_equal(route_list_get_all(o->nl, AF_INET, &list, &err), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.items->type, RTN_BLACKHOLE);
	kernel_route_list_clear(&list);
	nlmsg_free(told);
}

/* Message 0 asks for the route to 192.0.2.9, with these flags. */
static void assert_question(struct oracle *o, unsigned int flags)
{
	struct rtnl_route *question;

	kernel_receives(o, 1);
	question = decoded(o, 0, RTM_GETROUTE, 0);
	assert_nl_addr(rtnl_route_get_dst(question), "192.0.2.9");
	assert_int_equal(rtnl_route_get_flags(question), flags);
}

static void the_question_for_the_route_to_an_address(void **state)
{
	struct nl_msg *told = route_told(RTN_UNICAST, "10.1.2.1", NULL);
	struct nl_msg *local = route_told(RTN_LOCAL, "10.1.2.1", NULL);
	struct kernel_route_list list = {};
	struct ip_addr address = ip_of("192.0.2.9");
	struct oracle *o = *state;
	struct cni_error err = {};
	unsigned int index;
	bool is_local;

	kernel_answers(o, told);
	assert_int_equal(route_interface(o->nl, &address, &index, &err), 0);
	assert_question(o, 0);
	assert_int_equal(index, INDEX);

	kernel_answers(o, told);
	assert_int_equal(route_is_local(o->nl, &address, &is_local, &err), 0);
	assert_question(o, 0);
	assert_false(is_local);
	kernel_answers(o, local);
	assert_int_equal(route_is_local(o->nl, &address, &is_local, &err), 0);
	assert_question(o, 0);
	assert_true(is_local);

	kernel_answers(o, told);
	assert_int_equal(route_to(o->nl, &address, &list, &err), 0);
	assert_question(o, RTM_F_FIB_MATCH);
	assert_int_equal(list.n, 1);
	assert_told(list.items, INDEX, "10.1.2.1");
	kernel_route_list_clear(&list);
	nlmsg_free(told);
	nlmsg_free(local);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ORACLE_TEST(a_route_with_all_that_it_can_have),
		ORACLE_TEST(default_routes_and_routes_on_the_link),
		ORACLE_TEST(an_ipv4_route_by_an_ipv6_gateway),
		ORACLE_TEST(routes_between_nodes),
		ORACLE_TEST(a_route_to_a_pod_has_a_source),
		ORACLE_TEST(a_route_by_a_nexthop_object_is_removed_by_its_number),
		ORACLE_TEST(routes_that_libnl_tells_of_are_listed_a_next_hop_an_entry),
		ORACLE_TEST(a_route_that_drops_is_listed_only_where_all_are),
		ORACLE_TEST(the_question_for_the_route_to_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
