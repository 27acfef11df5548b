/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbours that the plugin sets, removes and asks for, as libnl-route has them. */
#include "netlink_oracle.h"

#include <linux/neighbour.h>
#include <netlink/route/neighbour.h>

#include "plugin/netlink/neighbour.h"

#define INDEX 7

static const struct mac_addr mac = {true, {0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_parse(text, &addr), 0);
	return addr;
}

static void neighbours_are_set_for_good_removed_and_made_ordinary(void **state)
{
	static const char *const texts[] = {"10.1.2.3", "fd00::3"};
	struct oracle *o = *state;
	struct rtnl_neigh *neigh;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ip_addr addr = addr_of(texts[i]);
		uint8_t protocol = NEIGHBOUR_PROTOCOL;

		queue_neighbour_set(o->nl, INDEX, "cni0", &addr, &mac);
		queue_neighbour_del(o->nl, INDEX, "cni0", &addr);
		queue_neighbour_ordinary(o->nl, INDEX, "cni0", &addr, &mac);
		commit(o, 3);
		neigh = decoded(o, 0, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
		assert_int_equal(rtnl_neigh_get_ifindex(neigh), INDEX);
		assert_int_equal(rtnl_neigh_get_family(neigh), addr.family);
		assert_int_equal(rtnl_neigh_get_state(neigh), NUD_PERMANENT);
		assert_nl_addr(rtnl_neigh_get_dst(neigh), texts[i]);
		assert_nl_addr(rtnl_neigh_get_lladdr(neigh), "02:11:22:33:44:55");
		assert_attr(attr_of(nlmsg_hdr(o->sent[0]), sizeof(struct ndmsg),
				    NDA_PROTOCOL),
			    &protocol, sizeof(protocol));
		neigh = decoded(o, 1, RTM_DELNEIGH, 0);
		assert_int_equal(rtnl_neigh_get_ifindex(neigh), INDEX);
		assert_nl_addr(rtnl_neigh_get_dst(neigh), texts[i]);
		neigh = decoded(o, 2, RTM_NEWNEIGH, NLM_F_REPLACE);
		assert_int_equal(rtnl_neigh_get_ifindex(neigh), INDEX);
		assert_int_equal(rtnl_neigh_get_state(neigh), NUD_STALE);
		assert_nl_addr(rtnl_neigh_get_dst(neigh), texts[i]);
		assert_nl_addr(rtnl_neigh_get_lladdr(neigh), "02:11:22:33:44:55");
		oracle_forget(o);
	}
}

static struct nl_msg *answer(int state, bool has_mac)
{
	struct nl_msg *msg = nlmsg_alloc_size(ROOM);
	struct ndmsg header = {
		.ndm_family = AF_INET, .ndm_ifindex = INDEX, .ndm_state = state};
	struct ip_addr addr = addr_of("10.1.2.3");
	uint8_t protocol = 98;

	assert_non_null(nlmsg_put(msg, 0, 0, RTM_NEWNEIGH, 0, 0));
	nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO);
	nla_put(msg, NDA_DST, 4, addr.bytes);
	if (has_mac)
		nla_put(msg, NDA_LLADDR, MAC_LEN, mac.bytes);
	nla_put(msg, NDA_PROTOCOL, sizeof(protocol), &protocol);
	return msg;
}

static void one_that_is_asked_for_is_read(void **state)
{
	struct oracle *o = *state;
	struct ip_addr addr = addr_of("10.1.2.3");
	struct nl_msg *msg = answer(NUD_PERMANENT, true);
	struct neighbour found;

	kernel_answers(o, msg);
	assert_int_equal(neighbour_get(o->nl, INDEX, &addr, &found, NULL), 0);
	nlmsg_free(msg);
	assert_true(ip_equal(&found.addr, &addr) && found.permanent && found.mac.set);
	assert_memory_equal(found.mac.bytes, mac.bytes, MAC_LEN);
	assert_int_equal(found.index, INDEX);
	assert_int_equal(found.protocol, 98);
}

static void one_whose_MAC_address_is_not_known_has_none(void **state)
{
	struct oracle *o = *state;
	struct ip_addr addr = addr_of("10.1.2.3");
	struct nl_msg *msg = answer(NUD_FAILED, false);
	struct neighbour found;

	kernel_answers(o, msg);
	assert_int_equal(neighbour_get(o->nl, INDEX, &addr, &found, NULL), 0);
	nlmsg_free(msg);
	assert_true(ip_equal(&found.addr, &addr));
	assert_false(found.permanent || found.mac.set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ORACLE_TEST(neighbours_are_set_for_good_removed_and_made_ordinary),
		ORACLE_TEST(one_that_is_asked_for_is_read),
		ORACLE_TEST(one_whose_MAC_address_is_not_known_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
