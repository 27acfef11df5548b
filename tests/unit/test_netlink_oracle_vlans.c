/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VLANs of bridge ports as libnl-route reads them. It is not asked about RTM_NEWVLAN, in which
 * the plugin reads them back: version 3.7 does not know it. */
#include "netlink_oracle.h"

#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>

#include "plugin/netlink/vlan.h"

#define INDEX 7

/* Message @i names the VLANs @first to @last of the port, and no others. */
static void assert_vlans(struct oracle *o, size_t i, int type, uint32_t first,
			 uint32_t last, uint32_t untagged, uint32_t pvid)
{
	const struct rtnl_link_bridge_vlan *vlans;
	struct rtnl_link *link;

	assert_int_equal(nla_put_string(o->sent[i], IFLA_IFNAME, UNNAMED), 0);
	link = decoded(o, i, type, 0);
	assert_string_equal(rtnl_link_get_name(link), UNNAMED);
	assert_int_equal(rtnl_link_get_ifindex(link), INDEX);
	assert_int_equal(rtnl_link_get_family(link), AF_BRIDGE);
	vlans = rtnl_link_bridge_get_port_vlan(link);
	assert_non_null(vlans);
	assert_int_equal(vlans->pvid, pvid);
	for (uint32_t vlan = 0; vlan < VLAN_IDS; vlan++) {
		uint32_t bit = UINT32_C(1) << vlan % 32;

		assert_int_equal(!!(vlans->vlan_bitmap[vlan / 32] & bit),
				 vlan >= first && vlan <= last);
		assert_int_equal(!!(vlans->untagged_bitmap[vlan / 32] & bit),
				 vlan == untagged && untagged);
	}
}

static void vlans_of_a_port(void **state)
{
	struct oracle *o = *state;

	queue_port_native_vlan(o->nl, INDEX, "veth0", 100);
	queue_port_trunk_vlans(o->nl, INDEX, "veth0", 200, 4000);
	queue_port_trunk_vlans(o->nl, INDEX, "veth0", 33, 33);
	queue_port_vlan_del(o->nl, INDEX, "veth0", 1);
	commit(o, 4);
	assert_vlans(o, 0, RTM_SETLINK, 100, 100, 100, 100);
	assert_vlans(o, 1, RTM_SETLINK, 200, 4000, 0, 0);
	assert_vlans(o, 2, RTM_SETLINK, 33, 33, 0, 0);
	assert_vlans(o, 3, RTM_DELLINK, 1, 1, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ORACLE_TEST(vlans_of_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
