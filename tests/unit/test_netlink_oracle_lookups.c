/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libnl-route reads the plugin's questions about one packet or one frame, and the plugin reads
 * answers that libnl-route has built. */
#include "netlink_oracle.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "plugin/netlink/fdb.h"
#include "plugin/netlink/route_lookup.h"

#define INDEX 7
#define VLAN  100

/* The answer: a route by @gateway, and the source address. */
static struct nl_msg *decided(uint8_t type, const char *to, const char *gateway,
			      const char *source, int family)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *addrs[] = {nl_addr_of(to, family), nl_addr_of(gateway, family),
				   nl_addr_of(source, family)};
	struct nl_msg *msg = NULL;

	assert_int_equal(rtnl_route_set_family(route, family), 0);
	assert_int_equal(rtnl_route_set_type(route, type), 0);
	rtnl_route_set_table(route, 254);
	assert_int_equal(rtnl_route_set_dst(route, addrs[0]), 0);
	assert_int_equal(rtnl_route_set_pref_src(route, addrs[2]), 0);
	rtnl_route_nh_set_ifindex(hop, INDEX);
	rtnl_route_nh_set_gateway(hop, addrs[1]);
	rtnl_route_add_nexthop(route, hop);
	assert_int_equal(rtnl_route_build_add_request(route, 0, &msg), 0);
	rtnl_route_put(route);
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++)
		nl_addr_put(addrs[i]);
	return msg;
}

static void what_becomes_of_a_packet(void **state)
{
	static const char *const texts[][4] = {
		/* to, from, gateway, source */
		{"192.0.2.9", "10.1.2.3", "10.1.2.1", "10.1.2.7"},
		{"2001:db8::9", "fd00::3", "fd00::1", "fd00::7"},
	};
	struct oracle *o = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct route_packet packet = {
			.to = ip_of(texts[i][0]), .from = ip_of(texts[i][1]), .in = 5};
		int family = packet.to.family;
		struct nl_msg *answer = decided(RTN_UNICAST, texts[i][0], texts[i][2],
						texts[i][3], family);
		struct route_decision decision = {};
		struct rtnl_route *question;

		kernel_answers(o, answer);
		assert_int_equal(route_lookup(o->nl, &packet, &decision, NULL), 0);
		nlmsg_free(answer);
		kernel_receives(o, 1);
		question = decoded(o, 0, RTM_GETROUTE, 0);
		assert_nl_addr(rtnl_route_get_dst(question), texts[i][0]);
		/* libnl-route doesn't read whom a packet is from. */
		assert_attr(attr_of(nlmsg_hdr(o->sent[0]), sizeof(struct rtmsg), RTA_SRC),
			    packet.from.bytes, ip_size(family));
		assert_int_equal(rtnl_route_get_iif(question), 5);
		assert_int_equal(decision.errnum, 0);
		assert_int_equal(decision.type, RTN_UNICAST);
		assert_int_equal(decision.out, INDEX);
		assert_int_equal(decision.table, 254);
		assert_string_equal(IP_TEXT(&decision.gateway), texts[i][2]);
		assert_string_equal(IP_TEXT(&decision.source), texts[i][3]);
	}
}

/* IPv6 answers with such a route, where IPv4 answers with the error. */
static void a_route_that_refuses_is_an_error(void **state)
{
	static const struct {
		uint8_t type;
		int errnum;
	} cases[] = {
		{RTN_UNREACHABLE, EHOSTUNREACH},
		{RTN_PROHIBIT, EACCES},
		{RTN_BLACKHOLE, EINVAL},
	};
	const struct route_packet packet = {.to = ip_of("2001:db8::9")};
	struct oracle *o = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nl_msg *answer = decided(cases[i].type, "2001:db8::9", "fd00::1",
						"fd00::7", AF_INET6);
		struct route_decision decision = {};

		kernel_answers(o, answer);
		assert_int_equal(route_lookup(o->nl, &packet, &decision, NULL), 0);
		nlmsg_free(answer);
		kernel_receives(o, 1);
		assert_int_equal(decision.errnum, cases[i].errnum);
	}
}

static void behind_which_port_an_address_is(void **state)
{
	const struct mac_addr mac = {true, {0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};
	const struct ndmsg header = {.ndm_family = AF_BRIDGE,
				     .ndm_ifindex = INDEX + 1,
				     .ndm_state = NUD_PERMANENT};
	struct nl_msg *answer = nlmsg_alloc_size(ROOM);
	struct fdb_entry entry = {};
	struct oracle *o = *state;
	struct rtnl_neigh *question;

	assert_non_null(nlmsg_put(answer, 0, 0, RTM_NEWNEIGH, 0, 0));
	nlmsg_append(answer, (void *)&header, sizeof(header), NLMSG_ALIGNTO);
	nla_put(answer, NDA_LLADDR, MAC_LEN, mac.bytes);
	kernel_answers(o, answer);
	assert_int_equal(fdb_find(o->nl, INDEX, &mac, VLAN, &entry, NULL), 0);
	nlmsg_free(answer);
	kernel_receives(o, 1);
	question = decoded(o, 0, RTM_GETNEIGH, 0);
	assert_int_equal(rtnl_neigh_get_family(question), AF_BRIDGE);
	assert_int_equal(rtnl_neigh_get_ifindex(question), INDEX);
	assert_int_equal(rtnl_neigh_get_vlan(question), VLAN);
	assert_int_equal(rtnl_neigh_get_flags(question), NTF_MASTER);
	assert_nl_addr(rtnl_neigh_get_lladdr(question), "02:11:22:33:44:55");
	assert_int_equal(entry.index, INDEX + 1);
	assert_true(entry.own && entry.stays && !entry.fixed);
}

/* Only an address that an interface takes frames for by itself counts, and not what a
 * bridge has learned, or this port's own entry in a bridge. */
static void whether_frames_for_an_address_are_taken(void **state)
{
	const struct mac_addr mac = {true, {0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};
	const struct mac_addr other = {true, {0x02, 0x11, 0x22, 0x33, 0x44, 0x56}};
	const struct {
		const struct mac_addr *mac;
		uint16_t state;
		uint8_t flags;
		unsigned int asked; /* the interface's index; 0: all of them */
		bool served;
	} cases[] = {
		{&mac, NUD_PERMANENT, NTF_SELF, 0, true},
		{&mac, NUD_PERMANENT, NTF_SELF, INDEX, true},
		{&mac, NUD_PERMANENT, NTF_SELF, INDEX + 1, false},
		{&other, NUD_PERMANENT, NTF_SELF, 0, false},
		{&mac, NUD_REACHABLE, NTF_SELF, 0, false},
		{&mac, NUD_PERMANENT, NTF_MASTER, 0, false},
	};
	struct oracle *o = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct ndmsg header = {.ndm_family = AF_BRIDGE,
					     .ndm_ifindex = INDEX,
					     .ndm_state = cases[i].state,
					     .ndm_flags = cases[i].flags};
		struct nl_msg *answer = nlmsg_alloc_size(ROOM);
		struct rtnl_neigh *question;
		struct mac_list list = {};

		assert_non_null(nlmsg_put(answer, 0, 0, RTM_NEWNEIGH, 0, 0));
		nlmsg_append(answer, (void *)&header, sizeof(header), NLMSG_ALIGNTO);
		nla_put(answer, NDA_LLADDR, MAC_LEN, cases[i].mac->bytes);
		kernel_answers(o, answer);
		assert_int_equal(fdb_served_get(o->nl, cases[i].asked, &list, NULL), 0);
		nlmsg_free(answer);
		kernel_receives(o, 1);
		question = decoded(o, 0, RTM_GETNEIGH, NLM_F_DUMP);
		assert_int_equal(rtnl_neigh_get_family(question), AF_BRIDGE);
		assert_int_equal(rtnl_neigh_get_ifindex(question), 0);
		assert_int_equal(mac_list_has(&list, &mac), cases[i].served);
		mac_list_clear(&list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ORACLE_TEST(what_becomes_of_a_packet),
		ORACLE_TEST(a_route_that_refuses_is_an_error),
		ORACLE_TEST(behind_which_port_an_address_is),
		ORACLE_TEST(whether_frames_for_an_address_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
