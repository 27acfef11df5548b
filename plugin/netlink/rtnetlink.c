/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intents as rtnetlink messages. What can be asked of the kernel is in link_dump.c,
 * addr.c and route_dump.c. */
#include "rtnetlink.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
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

static void put_ip(struct builder b, int type, const struct ip_addr *addr)
{
	put(b, type, addr->bytes, ip_size(addr->family));
}

static struct builder begin_link(struct netlink *nl, struct nl_msg *msg,
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

/* A message that changes a link that is there. */
static struct builder change_link(struct netlink *nl, unsigned int index,
				  unsigned int flags, const char *what, const char *name)
{
	return begin_link(nl, netlink_queue(nl, RTM_NEWLINK, 0, "%s %s", what, name),
			  index, flags);
}

static void put_vlan_filtering(struct builder b)
{
	struct nlattr *data = nest(b, IFLA_INFO_DATA);
	uint8_t on = 1;

	put(b, IFLA_BR_VLAN_FILTERING, &on, sizeof(on));
	nest_end(b, data);
}

void queue_bridge_add(struct netlink *nl, const struct bridge_spec *spec)
{
	struct builder b = begin_link(nl,
				      netlink_queue(nl, RTM_NEWLINK,
						    NLM_F_CREATE | NLM_F_EXCL,
						    "making the bridge %s", spec->name),
				      0, 0);
	struct nlattr *info;

	put_string(b, IFLA_IFNAME, spec->name);
	put_mac(b, IFLA_ADDRESS, &spec->mac);
	info = nest(b, IFLA_LINKINFO);
	put_string(b, IFLA_INFO_KIND, "bridge");
	if (spec->filter_vlans)
		put_vlan_filtering(b);
	nest_end(b, info);
}

void queue_vlan_filtering(struct netlink *nl, unsigned int index, const char *name)
{
	struct builder b = change_link(nl, index, 0, "turning on VLAN filtering on",
				       name);
	struct nlattr *info = nest(b, IFLA_LINKINFO);

	put_string(b, IFLA_INFO_KIND, "bridge");
	put_vlan_filtering(b);
	nest_end(b, info);
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

void queue_veth_port(struct netlink *nl, const struct veth_spec *spec)
{
	struct builder b = begin_link(nl,
				      netlink_queue(nl, RTM_NEWLINK, 0,
						    "setting up the bridge port %s",
						    spec->host_name),
				      0, 0);
	struct nlattr *info, *data;
	uint8_t hairpin = spec->hairpin, isolated = spec->isolated;

	put_string(b, IFLA_IFNAME, spec->host_name);
	if (spec->alias)
		put_string(b, IFLA_IFALIAS, spec->alias);
	info = nest(b, IFLA_LINKINFO);
	put_string(b, IFLA_INFO_SLAVE_KIND, "bridge");
	data = nest(b, IFLA_INFO_SLAVE_DATA);
	put(b, IFLA_BRPORT_MODE, &hairpin, sizeof(hairpin));
	put(b, IFLA_BRPORT_ISOLATED, &isolated, sizeof(isolated));
	nest_end(b, data);
	nest_end(b, info);
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
				      0, IFF_UP);
	struct ifinfomsg peer_header = {.ifi_family = AF_UNSPEC};
	struct nlattr *info, *data, *peer;

	put_device(b, spec->host_name, &spec->host_mac, spec->mtu);
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

void queue_link_up(struct netlink *nl, unsigned int index, const char *name)
{
	change_link(nl, index, IFF_UP, "setting up", name);
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

static struct builder begin_addr(struct netlink *nl, struct nl_msg *msg,
				 unsigned int index, const struct ip_prefix *address)
{
	struct ifaddrmsg header = {
		.ifa_family = address->addr.family,
		.ifa_prefixlen = address->len,
		.ifa_index = index,
	};
	struct builder b = begin(nl, msg, &header, sizeof(header));

	put_ip(b, IFA_LOCAL, &address->addr);
	put_ip(b, IFA_ADDRESS, &address->addr);
	return b;
}

static void queue_addr(struct netlink *nl, unsigned int index, const char *name,
		       const struct ip_prefix *address, int flags, bool dad)
{
	struct nl_msg *msg = netlink_queue(nl, RTM_NEWADDR, NLM_F_CREATE | flags,
					   "adding %s to %s", PREFIX_TEXT(address), name);
	struct builder b = begin_addr(nl, msg, index, address);

	if (address->addr.family == AF_INET6) {
		put_u32(b, IFA_FLAGS, dad ? 0 : IFA_F_NODAD);
	} else if (address->len < 31) {
		struct ip_addr broadcast = prefix_last(address);

		put_ip(b, IFA_BROADCAST, &broadcast);
	}
}

void queue_addr_add(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address, bool dad)
{
	queue_addr(nl, index, name, address, NLM_F_EXCL, dad);
}

void queue_addr_set(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address)
{
	queue_addr(nl, index, name, address, NLM_F_REPLACE, false);
}

void queue_addr_del(struct netlink *nl, unsigned int index, const char *name,
		    const struct ip_prefix *address)
{
	begin_addr(nl,
		   netlink_queue(nl, RTM_DELADDR, 0, "removing %s from %s",
				 PREFIX_TEXT(address), name),
		   index, address);
}

static uint8_t route_scope(const struct route *route)
{
	if (route->scope_set)
		return route->scope;
	/* IPv6 has no scopes; an IPv4 route without a gateway ends on the link. */
	return route->gw.family || route->dst.addr.family == AF_INET6 ? RT_SCOPE_UNIVERSE
								      : RT_SCOPE_LINK;
}

static void put_metrics(struct builder b, const struct route *route)
{
	struct nlattr *metrics;

	if (!route->mtu && !route->advmss)
		return;
	metrics = nest(b, RTA_METRICS);
	if (route->mtu)
		put_u32(b, RTAX_MTU, route->mtu);
	if (route->advmss)
		put_u32(b, RTAX_ADVMSS, route->advmss);
	nest_end(b, metrics);
}

static void put_gateway(struct builder b, const struct route *route)
{
	/* struct rtvia: the family, and behind it the address. */
	uint8_t via[sizeof(struct rtvia) + sizeof(route->gw.bytes)];
	__kernel_sa_family_t family = route->gw.family;

	if (route->gw.family == route->dst.addr.family) {
		put_ip(b, RTA_GATEWAY, &route->gw);
	} else if (route->gw.family) {
		memcpy(via, &family, sizeof(family));
		memcpy(via + sizeof(family), route->gw.bytes, sizeof(route->gw.bytes));
		put(b, RTA_VIA, via, sizeof(family) + ip_size(route->gw.family));
	}
}

static struct builder queue_route(struct netlink *nl, struct nl_msg *msg,
				  unsigned int index, uint8_t protocol,
				  const struct route *route)
{
	struct rtmsg header = {
		.rtm_family = route->dst.addr.family,
		.rtm_dst_len = route->dst.len,
		.rtm_table = RT_TABLE_UNSPEC,
		.rtm_protocol = protocol,
		.rtm_scope = route_scope(route),
		.rtm_type = RTN_UNICAST,
	};
	struct builder b = begin(nl, msg, &header, sizeof(header));

	if (route->dst.len)
		put_ip(b, RTA_DST, &route->dst.addr);
	put_gateway(b, route);
	if (index)
		put_u32(b, RTA_OIF, index);
	if (route->priority)
		put_u32(b, RTA_PRIORITY, route->priority);
	put_u32(b, RTA_TABLE, route->table_set ? route->table : RT_TABLE_MAIN);
	put_metrics(b, route);
	return b;
}

void queue_route_add(struct netlink *nl, unsigned int index, const char *name,
		     const struct route *route, bool exclusive)
{
	struct nl_msg *msg = netlink_queue(
		nl, RTM_NEWROUTE, NLM_F_CREATE | (exclusive ? NLM_F_EXCL : 0),
		"adding the route to %s by %s through %s", PREFIX_TEXT(&route->dst),
		route->gw.family ? IP_TEXT(&route->gw) : "the link", name);

	queue_route(nl, msg, index, RTPROT_BOOT, route);
}

void queue_route_set(struct netlink *nl, const struct kernel_route *wanted, bool replace)
{
	struct nl_msg *msg = netlink_queue(
		nl, RTM_NEWROUTE, NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL),
		"%s the route to %s by %s through interface %u",
		replace ? "changing" : "adding", PREFIX_TEXT(&wanted->route.dst),
		IP_TEXT(&wanted->route.gw), wanted->index);

	queue_route(nl, msg, wanted->index, wanted->protocol, &wanted->route);
}

void queue_route_del(struct netlink *nl, const struct kernel_route *route)
{
	struct nl_msg *msg = netlink_queue(nl, RTM_DELROUTE, 0,
					   "removing the route to %s",
					   PREFIX_TEXT(&route->route.dst));
	struct route whole = route->route;

	if (!route->nexthop && route->hops == 1) {
		queue_route(nl, msg, route->index, route->protocol, &whole);
		return;
	}
	/* The kernel knows such a route by its nexthop object, not by one of the next hops. */
	whole.gw = (struct ip_addr){};
	put_u32(queue_route(nl, msg, 0, route->protocol, &whole), RTA_NH_ID,
		route->nexthop);
}
