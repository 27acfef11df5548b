/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces that serve pods are told from the node's own: what is left of the network
 * plugin of before must not make the node's podCIDR unusable. */
#include "surroundings_read.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "deploy/agent/tunnel/device_names.h"
#include "deploy/agent/tunnel/tunnel_vxlan.h"
#include "deploy/agent/tunnel/wireguard_recall.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/link.h"
#include "kernel_routes.h"

/*
 * The interfaces by which this agent, or flannel, sends to other nodes by a tunnel, one a
 * family and mode: bcni-vxlan, bcni-wg; flannel.1, flannel-v6.1, flannel-wg. Their
 * addresses are in the podCIDR.
 */
static const char *const tunnels[] = {TUNNEL_DEVICES, "flannel.", "flannel-"};

struct reader {
	struct netlink *nl;
	const struct surroundings_spec *spec;
	unsigned int bridge; /* its index; 0: there is none */
	struct link link; /* the one asked for last: what the kernel lists is in the order
			   * of interfaces, for the most part */
	/* Read where held routes are: */
	struct vxlan_entries vxlan[IP_FAMILIES];
	struct wireguard_ways wireguard;
	struct surroundings *around;
	struct cni_error *err;
};

/* Asks for an interface. Where it has gone meanwhile, its index is 0. */
static int link_take(struct reader *reader, unsigned int index)
{
	return reader->link.index == index
		       ? 0
		       : link_get_by_index(reader->nl, index, &reader->link, reader->err);
}

static bool serves_pods(const struct reader *reader)
{
	const struct link *link = &reader->link;

	for (size_t i = 0; i < ARRAY_SIZE(tunnels); i++)
		if (strncmp(link->name, tunnels[i], strlen(tunnels[i])) == 0)
			return true;
	return link->index && link->index == reader->bridge;
}

/* The node's end of a pod's veth may have the gateway's address, without a network. */
static bool is_gateway_of_pod(const struct link *link, const struct ip_prefix *address)
{
	return link_is(link, "veth") && address->len == ip_bits(address->addr.family);
}

static int address_take(struct reader *reader, const struct link_addr *item)
{
	int ret = link_take(reader, item->index);

	if (ret < 0)
		return ret;
	return surroundings_add_address(
		reader->around, &item->address, reader->link.name,
		serves_pods(reader) || is_gateway_of_pod(&reader->link, &item->address),
		reader->spec->cluster, reader->err);
}

static int addresses_take(struct reader *reader, int family)
{
	_cleanup_(link_addr_list_clear) struct link_addr_list list = {};
	int ret = link_addr_list_get(reader->nl, family, &list, reader->err);

	/* Each interface of a pod may have a link-local one, which is no Node's. */
	for (size_t i = 0; ret == 0 && i < list.n; i++)
		if (!ip_is_link_local6(&list.items[i].address.addr))
			ret = address_take(reader, &list.items[i]);
	return ret;
}

/* A gateway inside its own destination is one of an overlay, which pods' addresses are
 * used for; the default route's is always a router. */
static bool is_router(const struct reader *reader, const struct route *route)
{
	return !serves_pods(reader) && (prefix_is_default(&route->dst) ||
					!prefix_contains(&route->dst, &route->gw));
}

/*
 * A network on the link that no address tells of: a router announced it, and the address
 * comes from DHCP; or it is the other end's. What an administrator has set leads where
 * the administrator wants it, perhaps to pods.
 */
static bool is_connected(const struct kernel_route *item)
{
	const struct ip_prefix *dst = &item->route.dst;

	return !item->route.gw.family && item->index && !ip_is_link_local6(&dst->addr) &&
	       !prefix_is_default(dst) && dst->len < ip_bits(dst->addr.family) &&
	       (item->protocol == RTPROT_KERNEL || item->protocol == RTPROT_RA);
}

/* Returns the InternalIP that a route leads to. The gateway of a route by a tunnel is an
 * address on the VXLAN device, whose entries tell the InternalIP; a route by a WireGuard
 * device has none, and the endpoint of the device's peer is the InternalIP. */
static struct ip_addr gateway_of(const struct reader *reader,
				 const struct kernel_route *item)
{
	for (int i = 0; i < IP_FAMILIES; i++)
		if (item->index && item->index == reader->vxlan[i].index)
			return vxlan_entries_peer(&reader->vxlan[i], &item->route.gw);
	return item->route.gw.family
		       ? item->route.gw
		       : wireguard_ways_find(&reader->wireguard, &item->route.dst);
}

static int route_take(struct reader *reader, const struct kernel_route *item, bool held)
{
	const struct route *route = &item->route;
	struct held_range range = {route->dst, gateway_of(reader, item)};
	int ret = 0;

	if (item->protocol == ROUTE_PROTOCOL)
		return held && range.gateway.family
			       ? surroundings_add_held(reader->around, &range,
						       reader->err)
			       : 0;
	if (!route->gw.family && !is_connected(item))
		return 0;
	ret = link_take(reader, item->index);
	if (ret < 0)
		return ret;
	if (!route->gw.family)
		return serves_pods(reader)
			       ? 0
			       : surroundings_add_network(reader->around, &route->dst,
							  reader->link.name,
							  reader->spec->cluster,
							  reader->err);
	if (!is_router(reader, route))
		return 0;
	return surroundings_add_host(reader->around, &route->gw, RANGE_GATEWAY, "",
				     reader->err);
}

static int routes_take(struct reader *reader, int family, bool held)
{
	_cleanup_(kernel_route_list_clear) struct kernel_route_list list = {};
	int ret = route_list_get(reader->nl, family, &list, reader->err);

	for (size_t i = 0; ret == 0 && i < list.n; i++)
		ret = route_take(reader, &list.items[i], held);
	return ret;
}

static int tunnels_read(struct reader *reader)
{
	int ret = 0;

	for (int i = 0; ret == 0 && i < IP_FAMILIES; i++) {
		unsigned int index = netlink_ifindex(reader->nl, vxlan_device_names[i]);

		if (index)
			ret = vxlan_entries_read(reader->nl, &reader->vxlan[i], index,
						 reader->err);
	}
	return ret < 0 ? ret
		       : wireguard_recall_ways(reader->nl, &reader->wireguard,
					       reader->err);
}

int surroundings_read(struct netlink *nl, const struct surroundings_spec *spec, bool held,
		      struct surroundings *ret_around, struct cni_error *err)
{
	_cleanup_(surroundings_clear) struct surroundings around = {};
	struct reader reader = {
		.nl = nl,
		.spec = spec,
		.bridge = netlink_ifindex(nl, spec->bridge),
		.around = &around,
		.err = err,
	};
	int ret = held ? tunnels_read(&reader) : 0;

	for (int i = 0; ret == 0 && i < IP_FAMILIES; i++) {
		ret = addresses_take(&reader, ip_families[i]);
		if (ret == 0)
			ret = routes_take(&reader, ip_families[i], held);
		if (ret == 0 && spec->api_server[i].family)
			ret = surroundings_add_host(&around, &spec->api_server[i],
						    RANGE_API_SERVER, "", err);
	}
	for (int i = 0; i < IP_FAMILIES; i++)
		vxlan_entries_clear(&reader.vxlan[i]);
	wireguard_ways_clear(&reader.wireguard);
	if (ret < 0)
		return ret;
	surroundings_settle(&around);
	*ret_around = around;
	around = (struct surroundings){};
	return 0;
}
