/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at the addresses of all interfaces, then at the routes. */
#include "gateway_subnet.h"

#include <errno.h>
#include <linux/rtnetlink.h>

#include "plugin/netlink/addr.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/route.h"
#include "vlan.h"
#include <sys/socket.h>

struct question {
	struct netlink *nl;
	const char *bridge, *ifname;
	const struct ip_prefix *address;
	/* another interface has that address alone, without a subnet */
	bool stands_alone;
};

static int is_in_vrf(struct netlink *nl, const struct link *link, bool *ret_vrf,
		     struct cni_error *err)
{
	struct link master = {};
	int ret = link->master ? link_get_by_index(nl, link->master, &master, err) : 0;

	if (ret == 0)
		*ret_vrf = link_is(&master, "vrf");
	return ret;
}

/* Refuses @found, which the interface @index has: an address or, with @route, a
 * destination. VLANs of the same bridge and VRFs may have it. */
static int other_refuse(const struct question *q, unsigned int index,
			const struct ip_prefix *found, bool route, struct cni_error *err)
{
	struct link link;
	bool vrf = false;
	int ret = link_get_by_index(q->nl, index, &link, err);

	if (ret < 0 || !link.index || vlan_is_of_bridge(q->bridge, &link))
		return ret;
	ret = is_in_vrf(q->nl, &link, &vrf, err);
	if (ret < 0 || (vrf && !route))
		return ret;
	return error_set(
		err, CNI_ERR_EXISTS, EADDRINUSE,
		"bridge: %s is to have the gateway address %s, but %s %s%s, so "
		"that pods would reach nothing; change the network's subnet, or "
		"remove that where the node doesn't need it; forceAddress passes "
		"over it",
		q->ifname, PREFIX_TEXT(q->address), link.name,
		route ? "has the node's route to " : "has ", PREFIX_TEXT(found));
}

/* Is @found the subnet itself, or a part of it that holds the gateway address? */
static bool is_narrower(const struct question *q, const struct ip_prefix *found)
{
	return found->len >= q->address->len && prefix_contains(found, &q->address->addr);
}

static bool is_host(const struct ip_prefix *prefix)
{
	return prefix->len == ip_bits(prefix->addr.family);
}

/* Checks the addresses of other interfaces. An address alone leads nowhere but to the
 * node: plugins such as ptp give one to each pod's interface. */
static int addresses_check(struct question *q, struct cni_error *err)
{
	struct link_addr_list list = {};
	int ret = link_addr_list_get(q->nl, q->address->addr.family, &list, err);

	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		const struct ip_prefix *found = &list.items[i].address;

		if (!is_narrower(q, found))
			continue;
		if (is_host(found))
			q->stands_alone = true;
		else
			ret = other_refuse(q, list.items[i].index, found, false, err);
	}
	link_addr_list_clear(&list);
	return ret;
}

/* The metric of the route to its subnet that the kernel gives an interface: none in IPv4,
 * this one in IPv6. */
#define METRIC6_CONNECTED 256

static bool precedes_ours(const struct kernel_route *route)
{
	uint32_t ours = route->route.dst.addr.family == AF_INET ? 0 : METRIC6_CONNECTED;

	return route->route.priority <= ours;
}

/* Has a routing daemon made the route? It may have learnt it from neighbours that have it
 * from this node. */
static bool is_learnt(const struct kernel_route *route)
{
	switch (route->protocol) {
	case RTPROT_ZEBRA:
	case RTPROT_BIRD:
	case RTPROT_BABEL:
	case RTPROT_BGP:
	case RTPROT_ISIS:
	case RTPROT_OSPF:
	case RTPROT_RIP:
	case RTPROT_EIGRP:
		return true;
	}
	return false;
}

static bool is_connected(const struct kernel_route *route)
{
	return !route->route.gw.family &&
	       (route->protocol == RTPROT_KERNEL || route->protocol == RTPROT_RA);
}

/* Would the route, or the interface that it leads to, take packets that are for pods? */
static bool leads_away(const struct question *q, const struct kernel_route *route)
{
	const struct ip_prefix *dst = &route->route.dst;

	if (route->route.table != RT_TABLE_MAIN || !is_narrower(q, dst))
		return false;
	/* The kernel makes a route for an IPv6 address that stands alone, too. */
	if (is_host(dst) && q->stands_alone)
		return false;
	if (route->type != RTN_UNICAST)
		return dst->len == q->address->len && precedes_ours(route);
	return route->index && !(is_learnt(route) && !precedes_ours(route)) &&
	       (dst->len == q->address->len || is_connected(route));
}

static int dropped_refuse(const struct question *q, const struct kernel_route *route,
			  struct cni_error *err)
{
	static const char *const names[] = {
		[RTN_BLACKHOLE] = "blackhole",
		[RTN_UNREACHABLE] = "unreachable",
		[RTN_PROHIBIT] = "prohibit",
		[RTN_THROW] = "throw",
	};

	return error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
			 "bridge: %s is to have the gateway address %s, but the node has "
			 "the route \"%s %s\", so that pods would reach nothing; change "
			 "the network's subnet, or remove that where the node doesn't "
			 "need it; forceAddress passes over it",
			 q->ifname, PREFIX_TEXT(q->address), names[route->type],
			 PREFIX_TEXT(&route->route.dst));
}

static int routes_check(const struct question *q, struct cni_error *err)
{
	struct kernel_route_list list = {};
	int ret = route_list_get_all(q->nl, q->address->addr.family, &list, err);

	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		const struct kernel_route *route = &list.items[i];

		if (!leads_away(q, route))
			continue;
		ret = route->type == RTN_UNICAST
			      ? other_refuse(q, route->index, &route->route.dst, true,
					     err)
			      : dropped_refuse(q, route, err);
	}
	kernel_route_list_clear(&list);
	return ret;
}

int subnet_elsewhere(struct netlink *nl, const char *bridge, const char *ifname,
		     const struct ip_prefix *address, struct cni_error *err)
{
	struct question q = {nl, bridge, ifname, address, false};
	struct link own;
	bool vrf = false;
	int ret = link_get(nl, ifname, &own, err);

	if (ret == 0)
		ret = is_in_vrf(nl, &own, &vrf, err);
	if (ret < 0 || vrf)
		return ret;
	ret = addresses_check(&q, err);
	return ret < 0 ? ret : routes_check(&q, err);
}
