/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links that the plugin makes, changes and deletes, as libnl-route reads them. */
#include "netlink_oracle.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/route/link.h>
#include <netlink/route/link/ipvlan.h>
#include <netlink/route/link/macvlan.h>
#include <netlink/route/link/inet6.h>

#include "plugin/netlink/link.h"

#define INDEX  7
#define BRIDGE 5
#define NS_FD  42
#define MADE   (NLM_F_CREATE | NLM_F_EXCL)

static const struct mac_addr mac = {true, {0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};
static const struct mac_addr peer_mac = {true, {0x0a, 0x66, 0x77, 0x88, 0x99, 0xaa}};

/* The link's own parameters in message @i; libnl-route doesn't tell which flags change. */
static const struct ifinfomsg *link_header(const struct oracle *o, size_t i)
{
	return nlmsg_data(nlmsg_hdr(o->sent[i]));
}

/* Message @i is about a link of this name: it says no index, and changes these flags. */
static struct rtnl_link *named_link(struct oracle *o, size_t i, int type, int asked,
				    const char *name, unsigned int flags)
{
	struct rtnl_link *link = decoded(o, i, type, asked);

	assert_string_equal(rtnl_link_get_name(link), name);
	assert_int_equal(rtnl_link_get_ifindex(link), 0);
	assert_int_equal(rtnl_link_get_flags(link), flags);
	assert_int_equal(link_header(o, i)->ifi_change, flags);
	return link;
}

/* Message @i is about the link of this index. libnl-route reads no link without a name: it gets
 * one here, which fails where the message has one already. */
static struct rtnl_link *indexed_link(struct oracle *o, size_t i, int type,
				      unsigned int index, unsigned int flags,
				      unsigned int change)
{
	struct rtnl_link *link;

	assert_null(nlmsg_find_attr(sent(o, i, type, 0), sizeof(struct ifinfomsg),
				    IFLA_IFNAME));
	assert_int_equal(nla_put_string(o->sent[i], IFLA_IFNAME, UNNAMED), 0);
	link = decoded(o, i, type, 0);
	assert_int_equal(rtnl_link_get_ifindex(link), index);
	assert_int_equal(rtnl_link_get_flags(link), flags);
	assert_int_equal(link_header(o, i)->ifi_change, change);
	return link;
}

static struct nlattr *link_attr(const struct oracle *o, size_t i, int type)
{
	return attr_of(nlmsg_hdr(o->sent[i]), sizeof(struct ifinfomsg), type);
}

/* libnl-route 3.7 reads nothing of a bridge's own data. */
static void assert_filters_vlans(const struct oracle *o, size_t i)
{
	struct nlattr *info = link_attr(o, i, IFLA_LINKINFO);
	struct nlattr *data = attr_in(info, IFLA_INFO_DATA);

	assert_attr(attr_in(data, IFLA_BR_VLAN_FILTERING), &(uint8_t){1}, 1);
}

static void a_bridge(void **state)
{
	struct oracle *o = *state;
	struct bridge_spec spec = {.name = "cni0", .mac = mac};
	struct rtnl_link *link;

	queue_bridge_add(o->nl, &spec);
	commit(o, 1);
	link = named_link(o, 0, RTM_NEWLINK, MADE, "cni0", 0);
	assert_string_equal(rtnl_link_get_type(link), "bridge");
	assert_nl_addr(rtnl_link_get_addr(link), "02:11:22:33:44:55");
	assert_null(nla_find(nla_data(link_attr(o, 0, IFLA_LINKINFO)),
			     nla_len(link_attr(o, 0, IFLA_LINKINFO)), IFLA_INFO_DATA));

	spec = (struct bridge_spec){.name = "cni1", .filter_vlans = true};
	queue_bridge_add(o->nl, &spec);
	commit(o, 1);
	link = named_link(o, 0, RTM_NEWLINK, MADE, "cni1", 0);
	assert_string_equal(rtnl_link_get_type(link), "bridge");
	assert_null(rtnl_link_get_addr(link));
	assert_filters_vlans(o, 0);
}

static const struct veth_spec veth = {
	.host_name = "veth0123",
	.peer_name = "eth0",
	.host_mac = mac,
	.peer_mac = peer_mac,
	.mtu = 1400,
	.bridge = BRIDGE,
	.peer_ns = NS_FD,
	.alias = "bridge-cni net container eth0",
	.hairpin = true,
	.no_link_local = true,
};

/*
 * The peer stands in the message as a second one without a netlink header. libnl-route 3.7
 * crashes where it reads both: the second becomes a message of its own here.
 */
static void peer_take_out(struct oracle *o)
{
	struct nlattr *data = attr_in(link_attr(o, 0, IFLA_LINKINFO), IFLA_INFO_DATA);
	struct nlattr *peer = attr_in(data, VETH_INFO_PEER);
	struct nl_msg *msg = nlmsg_alloc_size(ROOM);

	assert_non_null(nlmsg_put(msg, 0, 0, RTM_NEWLINK, 0, NLM_F_REQUEST));
	assert_int_equal(nlmsg_append(msg, nla_data(peer), nla_len(peer), NLMSG_ALIGNTO),
			 0);
	nlmsg_set_proto(msg, NETLINK_ROUTE);
	o->sent[o->n++] = msg;
	data->nla_type = IFLA_INFO_UNSPEC;
}

static void a_veth_pair(void **state)
{
	struct oracle *o = *state;
	struct rtnl_link *link;

	queue_veth_add(o->nl, &veth);
	commit(o, 1);
	peer_take_out(o);
	link = named_link(o, 0, RTM_NEWLINK, MADE, "veth0123", IFF_UP);
	assert_string_equal(rtnl_link_get_type(link), "veth");
	assert_nl_addr(rtnl_link_get_addr(link), "02:11:22:33:44:55");
	assert_int_equal(rtnl_link_get_mtu(link), 1400);
	assert_int_equal(rtnl_link_get_master(link), BRIDGE);
	assert_int_equal(rtnl_link_get_num_tx_queues(link), 1);
	assert_int_equal(rtnl_link_get_num_rx_queues(link), 1);
	assert_int_equal(rtnl_link_get_ns_fd(link), 0);

	link = named_link(o, 1, RTM_NEWLINK, 0, "eth0", 0);
	assert_nl_addr(rtnl_link_get_addr(link), "0a:66:77:88:99:aa");
	assert_int_equal(rtnl_link_get_mtu(link), 1400);
	assert_int_equal(rtnl_link_get_master(link), 0);
	assert_int_equal(rtnl_link_get_num_tx_queues(link), 1);
	assert_int_equal(rtnl_link_get_num_rx_queues(link), 1);
	assert_int_equal(rtnl_link_get_ns_fd(link), NS_FD);
}

/* libnl-route 3.7 reads only the kind of a port's own data. */
static void assert_port(const struct oracle *o, size_t i, uint8_t hairpin,
			uint8_t isolated)
{
	struct nlattr *info = link_attr(o, i, IFLA_LINKINFO);
	struct nlattr *data = attr_in(info, IFLA_INFO_SLAVE_DATA);

	assert_string_equal(nla_get_string(attr_in(info, IFLA_INFO_SLAVE_KIND)),
			    "bridge");
	assert_attr(attr_in(data, IFLA_BRPORT_MODE), &hairpin, 1);
	assert_attr(attr_in(data, IFLA_BRPORT_ISOLATED), &isolated, 1);
}

static void a_port_of_a_bridge(void **state)
{
	struct oracle *o = *state;
	struct veth_spec spec = veth;
	struct rtnl_link *link;
	uint8_t mode;

	queue_veth_port(o->nl, &spec);
	commit(o, 1);
	link = named_link(o, 0, RTM_NEWLINK, 0, "veth0123", 0);
	assert_string_equal(rtnl_link_get_ifalias(link), veth.alias);
	assert_int_equal(rtnl_link_inet6_get_addr_gen_mode(link, &mode), 0);
	assert_int_equal(mode, rtnl_link_inet6_str2addrgenmode("none"));
	assert_port(o, 0, true, false);

	spec.alias = NULL;
	spec.hairpin = false;
	spec.isolated = true;
	spec.no_link_local = false;
	queue_veth_port(o->nl, &spec);
	commit(o, 1);
	link = named_link(o, 0, RTM_NEWLINK, 0, "veth0123", 0);
	assert_null(rtnl_link_get_ifalias(link));
	assert_int_equal(rtnl_link_inet6_get_addr_gen_mode(link, &mode), -NLE_NOATTR);
	assert_port(o, 0, false, true);
}

/* The attributes that a guarded and a quiet port have; -1: absent. */
static void assert_flags(const struct oracle *o, size_t i, int learning, int guard,
			 int flood, int proxy_arp)
{
	const struct {
		int type, value;
	} flags[] = {
		{IFLA_BRPORT_LEARNING, learning},
		{IFLA_BRPORT_GUARD, guard},
		{IFLA_BRPORT_UNICAST_FLOOD, flood},
		{IFLA_BRPORT_PROXYARP_WIFI, proxy_arp},
		{IFLA_BRPORT_PROXYARP, -1},
	};
	struct nlattr *data = attr_in(link_attr(o, i, IFLA_LINKINFO),
				      IFLA_INFO_SLAVE_DATA);

	for (size_t k = 0; k < ARRAY_SIZE(flags); k++) {
		struct nlattr *attr = nla_find(nla_data(data), nla_len(data),
					       flags[k].type);

		assert_int_equal(!!attr, flags[k].value >= 0);
		if (attr)
			assert_attr(attr, &(uint8_t){flags[k].value}, 1);
	}
}

static void guarded_and_quiet_ports(void **state)
{
	struct oracle *o = *state;

	for (int i = 0; i < 8; i++) {
		bool guarded = i & 1, quiet = i & 2;
		struct veth_spec spec = veth;

		spec.guarded = guarded;
		spec.quiet = quiet;
		spec.isolated = i & 4;
		queue_veth_port(o->nl, &spec);
		commit(o, 1);
		named_link(o, 0, RTM_NEWLINK, 0, "veth0123", 0);
		assert_flags(o, 0, i & 3 ? 0 : -1, guarded ? 1 : -1, quiet ? 0 : -1,
			     quiet ? !spec.isolated : -1);
		oracle_forget(o);
	}
}

static void a_link_that_becomes_a_port(void **state)
{
	struct oracle *o = *state;
	struct rtnl_link *link;

	queue_port_attach(o->nl, INDEX, &veth);
	commit(o, 2);
	link = indexed_link(o, 0, RTM_NEWLINK, INDEX, IFF_UP, IFF_UP);
	assert_int_equal(rtnl_link_get_master(link), BRIDGE);
	named_link(o, 1, RTM_NEWLINK, 0, "veth0123", 0);
	assert_port(o, 1, true, false);
}

static void an_ifb(void **state)
{
	const struct ifb_spec spec = {"ifb0123", mac, 1300, "bridge-cni net container"};
	struct oracle *o = *state;
	struct rtnl_link *link;

	queue_ifb_add(o->nl, &spec);
	commit(o, 2);
	link = named_link(o, 0, RTM_NEWLINK, MADE, "ifb0123", IFF_UP);
	assert_string_equal(rtnl_link_get_type(link), "ifb");
	assert_nl_addr(rtnl_link_get_addr(link), "02:11:22:33:44:55");
	assert_int_equal(rtnl_link_get_mtu(link), 1300);
	assert_int_equal(rtnl_link_get_num_tx_queues(link), 1);
	assert_int_equal(rtnl_link_get_num_rx_queues(link), 1);

	link = named_link(o, 1, RTM_NEWLINK, 0, "ifb0123", 0);
	assert_string_equal(rtnl_link_get_ifalias(link), spec.alias);
}

static const struct macvlan_spec macvlan = {
	.kind = "macvlan",
	.name = "eth0",
	.master = BRIDGE,
	.ns = NS_FD,
	.mac = mac,
	.mtu = 1400,
	.mode = MACVLAN_MODE_PRIVATE,
	.bc_queue_len = 2000,
};

static void a_macvlan(void **state)
{
	struct macvlan_spec spec = macvlan;
	struct oracle *o = *state;
	struct rtnl_link *link;
	struct nlattr *data;

	queue_macvlan_add(o->nl, &spec);
	commit(o, 1);
	link = named_link(o, 0, RTM_NEWLINK, MADE, "eth0", 0);
	assert_string_equal(rtnl_link_get_type(link), "macvlan");
	assert_int_equal(rtnl_link_macvlan_get_mode(link), MACVLAN_MODE_PRIVATE);
	assert_int_equal(rtnl_link_get_link(link), BRIDGE);
	assert_int_equal(rtnl_link_get_ns_fd(link), NS_FD);
	assert_int_equal(rtnl_link_get_mtu(link), 1400);
	assert_nl_addr(rtnl_link_get_addr(link), "02:11:22:33:44:55");
	data = attr_in(link_attr(o, 0, IFLA_LINKINFO), IFLA_INFO_DATA);
	assert_attr_u32(attr_in(data, IFLA_MACVLAN_BC_QUEUE_LEN), 2000);

	/* All that the kernel may choose is left to it. */
	spec = (struct macvlan_spec){.kind = "macvlan",
				     .name = "eth0",
				     .index = INDEX,
				     .master = BRIDGE,
				     .ns = -1,
				     .mode = MACVLAN_MODE_BRIDGE};
	queue_macvlan_add(o->nl, &spec);
	commit(o, 1);
	link = decoded(o, 0, RTM_NEWLINK, MADE);
	assert_int_equal(rtnl_link_get_ifindex(link), INDEX);
	assert_int_equal(rtnl_link_macvlan_get_mode(link), MACVLAN_MODE_BRIDGE);
	assert_int_equal(rtnl_link_get_ns_fd(link), 0);
	assert_int_equal(rtnl_link_get_mtu(link), 0);
	assert_null(rtnl_link_get_addr(link));
	data = attr_in(link_attr(o, 0, IFLA_LINKINFO), IFLA_INFO_DATA);
	assert_null(nla_find(nla_data(data), nla_len(data), IFLA_MACVLAN_BC_QUEUE_LEN));
}

static void an_ipvlan(void **state)
{
	const struct macvlan_spec spec = {.kind = "ipvlan",
					  .name = "eth0",
					  .master = BRIDGE,
					  .ns = NS_FD,
					  .mode = IPVLAN_MODE_L3S};
	struct oracle *o = *state;
	struct rtnl_link *link;
	uint16_t mode;

	queue_macvlan_add(o->nl, &spec);
	commit(o, 1);
	link = named_link(o, 0, RTM_NEWLINK, MADE, "eth0", 0);
	assert_string_equal(rtnl_link_get_type(link), "ipvlan");
	assert_int_equal(rtnl_link_ipvlan_get_mode(link, &mode), 0);
	assert_int_equal(mode, IPVLAN_MODE_L3S);
	assert_int_equal(rtnl_link_get_link(link), BRIDGE);
	assert_int_equal(rtnl_link_get_ns_fd(link), NS_FD);
}

static void changes_of_a_link(void **state)
{
	struct oracle *o = *state;
	struct rtnl_link *link;

	queue_link_mtu(o->nl, INDEX, "eth0", 1300);
	queue_link_mac(o->nl, INDEX, "eth0", &peer_mac);
	queue_vlan_filtering(o->nl, INDEX, "cni0");
	queue_link_alias(o->nl, INDEX, "cni0", "words");
	commit(o, 4);
	link = indexed_link(o, 0, RTM_NEWLINK, INDEX, 0, 0);
	assert_int_equal(rtnl_link_get_mtu(link), 1300);
	link = indexed_link(o, 1, RTM_NEWLINK, INDEX, 0, 0);
	assert_nl_addr(rtnl_link_get_addr(link), "0a:66:77:88:99:aa");
	link = indexed_link(o, 2, RTM_NEWLINK, INDEX, 0, 0);
	assert_string_equal(rtnl_link_get_type(link), "bridge");
	assert_filters_vlans(o, 2);
	link = indexed_link(o, 3, RTM_NEWLINK, INDEX, 0, 0);
	assert_string_equal(rtnl_link_get_ifalias(link), "words");
}

/* The kernel is told parameters by number, and tells them as an array, which is what
 * libnl-route reads. */
static void a_link_that_refuses_redirects(void **state)
{
	struct oracle *o = *state;
	struct nlattr *parameters;
	uint32_t off = 0;

	queue_link_no_redirects(o->nl, INDEX, "eth0");
	commit(o, 1);
	indexed_link(o, 0, RTM_NEWLINK, INDEX, 0, 0);
	parameters = attr_in(attr_in(link_attr(o, 0, IFLA_AF_SPEC), AF_INET),
			     IFLA_INET_CONF);
	assert_attr(attr_in(parameters, IPV4_DEVCONF_ACCEPT_REDIRECTS), &off,
		    sizeof(off));
}

static void a_link_that_announces(void **state)
{
	struct oracle *o = *state;
	struct nlattr *parameters;

	queue_link_announces(o->nl, INDEX, "eth0");
	commit(o, 1);
	indexed_link(o, 0, RTM_NEWLINK, INDEX, 0, 0);
	parameters = attr_in(attr_in(link_attr(o, 0, IFLA_AF_SPEC), AF_INET),
			     IFLA_INET_CONF);
	assert_attr_u32(attr_in(parameters, IPV4_DEVCONF_ARP_NOTIFY), 1);
}

static void flags_of_a_link(void **state)
{
	struct oracle *o = *state;

	queue_link_up(o->nl, INDEX, "eth0");
	queue_link_down(o->nl, INDEX + 1, "eth1");
	queue_link_promisc(o->nl, INDEX + 2, "cni0");
	commit(o, 3);
	indexed_link(o, 0, RTM_NEWLINK, INDEX, IFF_UP, IFF_UP);
	indexed_link(o, 1, RTM_NEWLINK, INDEX + 1, 0, IFF_UP);
	indexed_link(o, 2, RTM_NEWLINK, INDEX + 2, IFF_PROMISC, IFF_PROMISC);
}

static void ends_of_links(void **state)
{
	const struct link_known one = {INDEX, "veth0"}, other = {INDEX + 1, "ifb0"};
	struct oracle *o = *state;

	queue_link_del(o->nl, "veth0");
	queue_link_del_known(o->nl, &one);
	commit(o, 2);
	named_link(o, 0, RTM_DELLINK, 0, "veth0", 0);
	indexed_link(o, 1, RTM_DELLINK, INDEX, 0, 0);

	queue_links_del(o->nl, (const struct link_known[]){one, other}, 2, 0x7b000001);
	commit(o, 3);
	assert_int_equal(
		rtnl_link_get_group(indexed_link(o, 0, RTM_NEWLINK, INDEX, 0, 0)),
		0x7b000001);
	assert_int_equal(
		rtnl_link_get_group(indexed_link(o, 1, RTM_NEWLINK, INDEX + 1, 0, 0)),
		0x7b000001);
	assert_int_equal(rtnl_link_get_group(indexed_link(o, 2, RTM_DELLINK, 0, 0, 0)),
			 0x7b000001);
}

/* A link as the kernel would tell of it; libnl-route builds no bridge's or port's own data. */
static struct nl_msg *link_told(void)
{
	struct nl_addr *address = nl_addr_of("02:11:22:33:44:55", AF_LLC);
	struct rtnl_link *link = rtnl_link_alloc();
	struct nl_msg *msg = NULL;

	rtnl_link_set_ifindex(link, INDEX);
	rtnl_link_set_name(link, "veth0123");
	rtnl_link_set_type(link, "veth");
	rtnl_link_set_ifalias(link, veth.alias);
	rtnl_link_set_addr(link, address);
	rtnl_link_set_mtu(link, 1400);
	rtnl_link_set_master(link, BRIDGE);
	rtnl_link_set_link(link, 3);
	rtnl_link_set_flags(link, IFF_UP | IFF_PROMISC);
	assert_int_equal(rtnl_link_build_add_request(link, 0, &msg), 0);
	rtnl_link_put(link);
	nl_addr_put(address);
	return msg;
}

static void assert_told(const struct link *link)
{
	assert_int_equal(link->index, INDEX);
	assert_string_equal(link->name, "veth0123");
	assert_string_equal(link->kind, "veth");
	assert_string_equal(link->alias, veth.alias);
	assert_true(link->mac.set);
	assert_memory_equal(link->mac.bytes, mac.bytes, MAC_LEN);
	assert_int_equal(link->mtu, 1400);
	assert_int_equal(link->master, BRIDGE);
	assert_int_equal(link->peer, 3);
	assert_true(link->up);
	assert_true(link->promisc);
}

static void a_link_that_libnl_tells_of_is_read(void **state)
{
	struct oracle *o = *state;
	struct nl_msg *told = link_told();
	struct cni_error err = {};
	struct link link;

	kernel_answers(o, told);
	assert_int_equal(link_get(o->nl, "veth0123", &link, &err), 0);
	kernel_receives(o, 1);
	named_link(o, 0, RTM_GETLINK, 0, "veth0123", 0);
	assert_told(&link);

	kernel_answers(o, told);
	assert_int_equal(link_get_by_index(o->nl, INDEX, &link, &err), 0);
	kernel_receives(o, 1);
	indexed_link(o, 0, RTM_GETLINK, INDEX, 0, 0);
	assert_told(&link);
	nlmsg_free(told);
}

static void modes_that_libnl_tells_of_are_read(void **state)
{
	struct rtnl_link *const links[] = {rtnl_link_macvlan_alloc(),
					   rtnl_link_ipvlan_alloc()};
	static const uint32_t modes[] = {MACVLAN_MODE_PASSTHRU, IPVLAN_MODE_L3};
	struct oracle *o = *state;

	rtnl_link_macvlan_set_mode(links[0], modes[0]);
	rtnl_link_ipvlan_set_mode(links[1], modes[1]);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		struct nl_msg *told = NULL;
		struct link link;

		rtnl_link_set_ifindex(links[i], INDEX);
		rtnl_link_set_name(links[i], "eth0");
		rtnl_link_set_link(links[i], BRIDGE);
		assert_int_equal(rtnl_link_build_add_request(links[i], 0, &told), 0);
		kernel_answers(o, told);
		assert_int_equal(link_get_by_index(o->nl, INDEX, &link, NULL), 0);
		nlmsg_free(told);
		rtnl_link_put(links[i]);
		kernel_receives(o, 1);
		assert_string_equal(link.kind, i ? "ipvlan" : "macvlan");
		assert_int_equal(link.mode, modes[i]);
		assert_int_equal(link.peer, BRIDGE);
	}
}

static void links_that_libnl_tells_of_are_listed(void **state)
{
	struct oracle *o = *state;
	struct nl_msg *told = link_told();
	struct link_list list = {};
	struct cni_error err = {};

	kernel_answers(o, told);
	assert_int_equal(link_list_get(o->nl, &list, &err), 0);
	kernel_receives(o, 1);
	sent(o, 0, RTM_GETLINK, NLM_F_DUMP);
	assert_int_equal(list.n, 1);
	assert_told(list.items);
	link_list_clear(&list);
	nlmsg_free(told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ORACLE_TEST(a_bridge),
		ORACLE_TEST(a_veth_pair),
		ORACLE_TEST(a_port_of_a_bridge),
		ORACLE_TEST(guarded_and_quiet_ports),
		ORACLE_TEST(a_link_that_becomes_a_port),
		ORACLE_TEST(an_ifb),
		ORACLE_TEST(a_macvlan),
		ORACLE_TEST(an_ipvlan),
		ORACLE_TEST(changes_of_a_link),
		ORACLE_TEST(a_link_that_announces),
		ORACLE_TEST(a_link_that_refuses_redirects),
		ORACLE_TEST(flags_of_a_link),
		ORACLE_TEST(ends_of_links),
		ORACLE_TEST(a_link_that_libnl_tells_of_is_read),
		ORACLE_TEST(modes_that_libnl_tells_of_are_read),
		ORACLE_TEST(links_that_libnl_tells_of_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
