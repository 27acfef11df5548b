/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that the plugin adds, sets and removes, as libnl-route reads them. */
#include "netlink_oracle.h"

#include <linux/if_addr.h>
#include <netlink/route/addr.h>

#include "plugin/netlink/addr.h"

#define INDEX 7
#define NEW   (NLM_F_CREATE | NLM_F_EXCL)

/* The address in message @i, which is one of the interface's own. */
static struct rtnl_addr *address_sent(struct oracle *o, size_t i, int type, int asked,
				      const char *text)
{
	struct rtnl_addr *addr = decoded(o, i, type, asked);

	assert_int_equal(rtnl_addr_get_ifindex(addr), INDEX);
	assert_nl_addr(rtnl_addr_get_local(addr), text);
	assert_null(rtnl_addr_get_peer(addr));
	return addr;
}

static void ipv4_addresses_with_their_broadcast_address(void **state)
{
	static const struct {
		const char *address, *local, *broadcast;
	} cases[] = {
		{"10.1.2.3/24", "10.1.2.3/24", "10.1.2.255"},
		{"10.1.2.1/30", "10.1.2.1/30", "10.1.2.3"},
		{"10.1.2.3/31", "10.1.2.3/31", NULL},
		{"10.1.2.3/32", "10.1.2.3", NULL},
	};
	struct oracle *o = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_prefix address = prefix_of(cases[i].address);
		struct rtnl_addr *addr;

		queue_addr_add(o->nl, INDEX, "eth0", &address, false);
		commit(o, 1);
		addr = address_sent(o, 0, RTM_NEWADDR, NEW, cases[i].local);
		assert_int_equal(rtnl_addr_get_family(addr), AF_INET);
		assert_int_equal(rtnl_addr_get_flags(addr), 0);
		if (cases[i].broadcast)
			assert_nl_addr(rtnl_addr_get_broadcast(addr), cases[i].broadcast);
		else
			assert_null(rtnl_addr_get_broadcast(addr));
	}
}

static void ipv6_addresses_with_and_without_detection(void **state)
{
	struct ip_prefix address = prefix_of("fd00:1::3/64");
	struct oracle *o = *state;
	struct rtnl_addr *addr;

	queue_addr_add(o->nl, INDEX, "eth0", &address, false);
	queue_addr_add(o->nl, INDEX, "eth0", &address, true);
	commit(o, 2);
	addr = address_sent(o, 0, RTM_NEWADDR, NEW, "fd00:1::3/64");
	assert_int_equal(rtnl_addr_get_family(addr), AF_INET6);
	assert_int_equal(rtnl_addr_get_flags(addr), IFA_F_NODAD);
	assert_null(rtnl_addr_get_broadcast(addr));
	addr = address_sent(o, 1, RTM_NEWADDR, NEW, "fd00:1::3/64");
	assert_int_equal(rtnl_addr_get_flags(addr), 0);
}

static void addresses_set_and_removed(void **state)
{
	struct ip_prefix v4 = prefix_of("10.1.2.1/24"), v6 = prefix_of("fd00:1::1/64");
	struct oracle *o = *state;
	struct rtnl_addr *addr;

	queue_addr_set(o->nl, INDEX, "cni0", &v6);
	queue_addr_set(o->nl, INDEX, "cni0", &v4);
	queue_addr_del(o->nl, INDEX, "cni0", &v6);
	queue_addr_del(o->nl, INDEX, "cni0", &v4);
	commit(o, 4);
	addr = address_sent(o, 0, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
			    "fd00:1::1/64");
	assert_int_equal(rtnl_addr_get_flags(addr), IFA_F_NODAD);
	addr = address_sent(o, 1, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
			    "10.1.2.1/24");
	assert_nl_addr(rtnl_addr_get_broadcast(addr), "10.1.2.255");
	address_sent(o, 2, RTM_DELADDR, 0, "fd00:1::1/64");
	address_sent(o, 3, RTM_DELADDR, 0, "10.1.2.1/24");
}

/* The kernel's answer: an address on a point-to-point link, whose other end is not of interest. */
static struct nl_msg *address_told(const char *text, int family, unsigned int flags)
{
	struct nl_addr *local = nl_addr_of(text, family);
	struct nl_addr *peer = nl_addr_of(family == AF_INET ? "10.9.9.9" : "fd00:9::9",
					  family);
	struct rtnl_addr *addr = rtnl_addr_alloc();
	struct nl_msg *msg = NULL;

	rtnl_addr_set_ifindex(addr, INDEX);
	rtnl_addr_set_local(addr, local);
	rtnl_addr_set_peer(addr, peer);
	rtnl_addr_set_prefixlen(addr, nl_addr_get_prefixlen(local));
	rtnl_addr_set_flags(addr, flags);
	assert_int_equal(rtnl_addr_build_add_request(addr, 0, &msg), 0);
	rtnl_addr_put(addr);
	nl_addr_put(local);
	nl_addr_put(peer);
	return msg;
}

/* Message 0 asks for the addresses of this family and interface; 0: of all. */
static void assert_asked(struct oracle *o, int family, int index)
{
	struct rtnl_addr *question = decoded(o, 0, RTM_GETADDR, NLM_F_DUMP);

	assert_int_equal(rtnl_addr_get_family(question), family);
	assert_int_equal(rtnl_addr_get_ifindex(question), index);
}

static void addresses_that_libnl_tells_of_are_listed(void **state)
{
	static const struct {
		const char *address;
		int family;
		unsigned int flags;
		bool tentative;
		const char *duplicate;
	} cases[] = {
		{"10.1.2.3/24", AF_INET, IFA_F_PERMANENT, false, ""},
		{"fd00:1::3/64", AF_INET6, IFA_F_NOPREFIXROUTE | IFA_F_TENTATIVE, true,
		 ""},
		{"fd00:1::3/64", AF_INET6, IFA_F_TENTATIVE | IFA_F_DADFAILED, false,
		 "fd00:1::3"},
	};
	struct oracle *o = *state;
	struct addr_list list = {};
	struct cni_error err = {};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nl_msg *told = address_told(cases[i].address, cases[i].family,
						   cases[i].flags);

		kernel_answers(o, told);
		assert_int_equal(
			addr_list_get(o->nl, INDEX, cases[i].family, &list, &err), 0);
		kernel_receives(o, 1);
		assert_asked(o, cases[i].family, INDEX);
		assert_int_equal(list.n, 1);
		assert_string_equal(PREFIX_TEXT(list.items), cases[i].address);
		assert_int_equal(list.tentative, cases[i].tentative);
		assert_string_equal(IP_TEXT(&list.duplicate), cases[i].duplicate);
		addr_list_clear(&list);
		nlmsg_free(told);
	}
}

static void addresses_of_all_interfaces_are_listed(void **state)
{
	struct nl_msg *told = address_told("10.1.2.3/24", AF_INET, 0);
	struct link_addr_list list = {};
	struct oracle *o = *state;
	struct cni_error err = {};

	kernel_answers(o, told);
	assert_int_equal(link_addr_list_get(o->nl, AF_INET, &list, &err), 0);
	kernel_receives(o, 1);
	assert_asked(o, AF_INET, 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.items->index, INDEX);
	assert_string_equal(PREFIX_TEXT(&list.items->address), "10.1.2.3/24");
	link_addr_list_clear(&list);
	nlmsg_free(told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ORACLE_TEST(ipv4_addresses_with_their_broadcast_address),
		ORACLE_TEST(ipv6_addresses_with_and_without_detection),
		ORACLE_TEST(addresses_set_and_removed),
		ORACLE_TEST(addresses_that_libnl_tells_of_are_listed),
		ORACLE_TEST(addresses_of_all_interfaces_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
