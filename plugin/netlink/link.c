/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of interfaces as rtnetlink messages. link_read.c reads interfaces. */
#include "link.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "build.h"

static void put_mac(struct builder b, int type, const struct mac_addr *mac)
{
	if (mac->set)
		put(b, type, mac->bytes, MAC_LEN);
}

static struct builder begin_link(struct netlink *nl, struct nlmsghdr *msg,
				 unsigned int index, unsigned int flags)
{
	struct ifinfomsg header = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = index,
		.ifi_flags = flags,
		.ifi_change = flags,
	};

	return begin(nl, msg, &header, sizeof(header));
}

/* Begins a message that changes a link which is there. */
static struct builder change_link(struct netlink *nl, unsigned int index,
				  unsigned int flags, const char *what, const char *name)
{
	return begin_link(nl, netlink_queue(nl, RTM_NEWLINK, 0, "%s %s", what, name),
			  index, flags);
}

/* For a linux/if_link.h that is older than the attribute. A kernel that is older passes
 * over it. */
#define BR_FDB_MAX_LEARNED 49 /* Linux 6.7 */

static void put_u8(struct builder b, int type, uint8_t value)
{
	put(b, type, &value, sizeof(value));
}

void queue_bridge_add(struct netlink *nl, const struct bridge_spec *spec)
{
	struct builder b = begin_link(nl,
				      netlink_queue(nl, RTM_NEWLINK,
						    NLM_F_CREATE | NLM_F_EXCL,
						    "making the bridge %s", spec->name),
				      0, 0);
	struct nlattr *info, *data;

	put_string(b, IFLA_IFNAME, spec->name);
	put_mac(b, IFLA_ADDRESS, &spec->mac);
	info = nest(b, IFLA_LINKINFO);
	put_string(b, IFLA_INFO_KIND, "bridge");
	data = nest(b, IFLA_INFO_DATA);
	if (spec->filter_vlans)
		put_u8(b, IFLA_BR_VLAN_FILTERING, 1);
	if (spec->learned_max)
		put_u32(b, BR_FDB_MAX_LEARNED, spec->learned_max);
	nest_end(b, data);
	nest_end(b, info);
}

/* Puts one attribute of a bridge into a message that changes it. */
static void put_bridge_u8(struct builder b, int type, uint8_t value)
{
	struct nlattr *info = nest(b, IFLA_LINKINFO), *data;

	put_string(b, IFLA_INFO_KIND, "bridge");
	data = nest(b, IFLA_INFO_DATA);
	put_u8(b, type, value);
	nest_end(b, data);
	nest_end(b, info);
}

void queue_vlan_filtering(struct netlink *nl, unsigned int index, const char *name)
{
	put_bridge_u8(change_link(nl, index, 0, "turning on VLAN filtering on", name),
		      IFLA_BR_VLAN_FILTERING, 1);
}

void queue_bridge_querier(struct netlink *nl, unsigned int index, const char *name,
			  bool on)
{
	put_bridge_u8(change_link(nl, index, 0,
				  on ? "turning on the multicast querier of"
				     : "turning off the multicast querier of",
				  name),
		      IFLA_BR_MCAST_QUERIER, on);
}

void queue_link_mtu(struct netlink *nl, unsigned int index, const char *name,
		    uint32_t mtu)
{
	put_u32(change_link(nl, index, 0, "setting the MTU of", name), IFLA_MTU, mtu);
}

void queue_link_promisc(struct netlink *nl, unsigned int index, const char *name)
{
	change_link(nl, index, IFF_PROMISC, "setting promiscuous mode on", name);
}

static void put_device(struct builder b, const char *name, const struct mac_addr *mac,
		       uint32_t mtu)
{
	put_string(b, IFLA_IFNAME, name);
	put_mac(b, IFLA_ADDRESS, mac);
	if (mtu)
		put_u32(b, IFLA_MTU, mtu);
	put_u32(b, IFLA_NUM_TX_QUEUES, 1);
	put_u32(b, IFLA_NUM_RX_QUEUES, 1);
}

static void put_no_link_local(struct builder b)
{
	struct nlattr *families = nest(b, IFLA_AF_SPEC), *family = nest(b, AF_INET6);
	uint8_t none = IN6_ADDR_GEN_MODE_NONE;

	put(b, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	nest_end(b, family);
	nest_end(b, families);
}

static void put_port_flags(struct builder b, const struct veth_spec *spec)
{
	struct nlattr *info = nest(b, IFLA_LINKINFO), *data;

	put_string(b, IFLA_INFO_SLAVE_KIND, "bridge");
	data = nest(b, IFLA_INFO_SLAVE_DATA);
	put_u8(b, IFLA_BRPORT_MODE, spec->hairpin);
	put_u8(b, IFLA_BRPORT_ISOLATED, spec->isolated);
	if (spec->guarded || spec->quiet)
		put_u8(b, IFLA_BRPORT_LEARNING, 0);
	if (spec->guarded)
		put_u8(b, IFLA_BRPORT_GUARD, 1);
	if (spec->quiet) {
		put_u8(b, IFLA_BRPORT_UNICAST_FLOOD, 0);
		put_u8(b, IFLA_BRPORT_PROXYARP_WIFI, !spec->isolated);
	}
	nest_end(b, data);
	nest_end(b, info);
}

void queue_veth_port(struct netlink *nl, const struct veth_spec *spec)
{
	struct builder b = begin_link(nl,
				      netlink_queue(nl, RTM_NEWLINK, 0,
						    "setting up the bridge port %s",
						    spec->host_name),
				      0, 0);

	put_string(b, IFLA_IFNAME, spec->host_name);
	if (spec->alias)
		put_string(b, IFLA_IFALIAS, spec->alias);
	if (!spec->is_foreign)
		put_port_flags(b, spec);
	if (spec->no_link_local)
		put_no_link_local(b);
}

void queue_veth_add(struct netlink *nl, const struct veth_spec *spec)
{
	struct builder b = begin_link(nl,
				      netlink_queue(nl, RTM_NEWLINK,
						    NLM_F_CREATE | NLM_F_EXCL,
						    "making the veth pair %s and %s",
						    spec->host_name, spec->peer_name),
				      0, spec->down ? 0 : IFF_UP);
	struct ifinfomsg peer_header = {.ifi_family = AF_UNSPEC};
	struct nlattr *info, *data, *peer;

	put_device(b, spec->host_name, &spec->host_mac, spec->mtu);
	if (!spec->is_foreign)
		put_u32(b, IFLA_MASTER, spec->bridge);
	info = nest(b, IFLA_LINKINFO);
	put_string(b, IFLA_INFO_KIND, "veth");
	data = nest(b, IFLA_INFO_DATA);
	peer = nest(b, VETH_INFO_PEER);
	b = begin(nl, b.msg, &peer_header, sizeof(peer_header));
	put_device(b, spec->peer_name, &spec->peer_mac, spec->mtu);
	put_u32(b, IFLA_NET_NS_FD, spec->peer_ns);
	nest_end(b, peer);
	nest_end(b, data);
	nest_end(b, info);
}

void queue_port_attach(struct netlink *nl, unsigned int index,
		       const struct veth_spec *spec)
{
	put_u32(change_link(nl, index, IFF_UP, "making a port of", spec->host_name),
		IFLA_MASTER, spec->bridge);
	queue_veth_port(nl, spec);
}

void queue_ifb_add(struct netlink *nl, const struct ifb_spec *spec)
{
	struct builder b = begin_link(nl,
				      netlink_queue(nl, RTM_NEWLINK,
						    NLM_F_CREATE | NLM_F_EXCL,
						    "making the ifb %s", spec->name),
				      0, IFF_UP);
	struct nlattr *info;

	put_device(b, spec->name, &spec->mac, spec->mtu);
	info = nest(b, IFLA_LINKINFO);
	put_string(b, IFLA_INFO_KIND, "ifb");
	nest_end(b, info);
	netlink_needs(nl, "ifb");

	b = begin_link(nl,
		       netlink_queue(nl, RTM_NEWLINK, 0, "setting the alias of %s",
				     spec->name),
		       0, 0);
	put_string(b, IFLA_IFNAME, spec->name);
	put_string(b, IFLA_IFALIAS, spec->alias);
}

/* For a linux/if_link.h that is older than the attribute. A kernel that is older passes
 * over it. */
#define MACVLAN_BC_QUEUE_LEN 7 /* Linux 5.11 */

static void put_macvlan_data(struct builder b, const struct macvlan_spec *spec)
{
	uint16_t ipvlan_mode = spec->mode;

	if (strcmp(spec->kind, "ipvlan") == 0) {
		put(b, IFLA_IPVLAN_MODE, &ipvlan_mode, sizeof(ipvlan_mode));
		return;
	}
	put_u32(b, IFLA_MACVLAN_MODE, spec->mode);
	if (spec->bc_queue_len)
		put_u32(b, MACVLAN_BC_QUEUE_LEN, spec->bc_queue_len);
}

void queue_macvlan_add(struct netlink *nl, const struct macvlan_spec *spec)
{
	struct builder b =
		begin_link(nl,
			   netlink_queue(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
					 "making the %s %s", spec->kind, spec->name),
			   spec->index, 0);
	struct nlattr *info, *data;

	put_string(b, IFLA_IFNAME, spec->name);
	put_mac(b, IFLA_ADDRESS, &spec->mac);
	if (spec->mtu)
		put_u32(b, IFLA_MTU, spec->mtu);
	put_u32(b, IFLA_LINK, spec->master);
	if (spec->ns >= 0)
		put_u32(b, IFLA_NET_NS_FD, spec->ns);
	info = nest(b, IFLA_LINKINFO);
	put_string(b, IFLA_INFO_KIND, spec->kind);
	data = nest(b, IFLA_INFO_DATA);
	put_macvlan_data(b, spec);
	nest_end(b, data);
	nest_end(b, info);
	netlink_needs(nl, spec->kind);
}

void queue_link_up(struct netlink *nl, unsigned int index, const char *name)
{
	change_link(nl, index, IFF_UP, "setting up", name);
}

/* Puts one kernel parameter of IPv4 into a message that changes a link. */
static void put_ipv4_parameter(struct builder b, int type, uint32_t value)
{
	struct nlattr *families = nest(b, IFLA_AF_SPEC), *family = nest(b, AF_INET);
	struct nlattr *parameters = nest(b, IFLA_INET_CONF);

	put_u32(b, type, value);
	nest_end(b, parameters);
	nest_end(b, family);
	nest_end(b, families);
}

void queue_link_no_redirects(struct netlink *nl, unsigned int index, const char *name)
{
	put_ipv4_parameter(change_link(nl, index, 0, "refusing ICMP redirects on", name),
			   IPV4_DEVCONF_ACCEPT_REDIRECTS, 0);
}

void queue_link_announces(struct netlink *nl, unsigned int index, const char *name)
{
	put_ipv4_parameter(change_link(nl, index, 0, "setting arp_notify of", name),
			   IPV4_DEVCONF_ARP_NOTIFY, 1);
}

void queue_link_no_link_local(struct netlink *nl, unsigned int index, const char *name)
{
	put_no_link_local(
		change_link(nl, index, 0, "having no link-local address on", name));
}

void queue_link_down(struct netlink *nl, unsigned int index, const char *name)
{
	struct ifinfomsg header = {.ifi_index = index, .ifi_change = IFF_UP};

	begin(nl, netlink_queue(nl, RTM_NEWLINK, 0, "setting down %s", name), &header,
	      sizeof(header));
}

void queue_link_mac(struct netlink *nl, unsigned int index, const char *name,
		    const struct mac_addr *mac)
{
	struct builder b = begin_link(nl,
				      netlink_queue(nl, RTM_NEWLINK, 0,
						    "setting the MAC address of %s to %s",
						    name, MAC_TEXT(mac)),
				      index, 0);

	put_mac(b, IFLA_ADDRESS, mac);
}

void queue_link_alias(struct netlink *nl, unsigned int index, const char *name,
		      const char *alias)
{
	put_string(change_link(nl, index, 0, "setting the alias of", name), IFLA_IFALIAS,
		   alias);
}

void queue_link_del(struct netlink *nl, const char *name)
{
	struct builder b = begin_link(
		nl, netlink_queue(nl, RTM_DELLINK, 0, "deleting %s", name), 0, 0);

	put_string(b, IFLA_IFNAME, name);
}

void queue_link_del_known(struct netlink *nl, const struct link_known *link)
{
	begin_link(nl, netlink_queue(nl, RTM_DELLINK, 0, "deleting %s", link->name),
		   link->index, 0);
}

void queue_link_del_elsewhere(struct netlink *nl, int ns_id,
			      const struct link_known *link)
{
	struct builder b = begin_link(nl,
				      netlink_queue(nl, RTM_DELLINK, 0,
						    "deleting %s in namespace %d",
						    link->name, ns_id),
				      link->index, 0);

	put_u32(b, IFLA_TARGET_NETNSID, ns_id);
}

static void queue_link_group(struct netlink *nl, const struct link_known *link,
			     uint32_t group)
{
	struct builder b = change_link(nl, link->index, 0, "setting the group of",
				       link->name);

	put_u32(b, IFLA_GROUP, group);
}

void queue_links_del(struct netlink *nl, const struct link_known links[], size_t n,
		     uint32_t group)
{
	char names[128] = "";

	if (n == 1)
		queue_link_del_known(nl, links);
	if (n < 2)
		return;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(names);

		queue_link_group(nl, &links[i], group);
		snprintf(names + len, sizeof(names) - len, "%s%s", i ? " and " : "",
			 links[i].name);
	}
	put_u32(begin_link(nl, netlink_queue(nl, RTM_DELLINK, 0, "deleting %s", names), 0,
			   0),
		IFLA_GROUP, group);
}
