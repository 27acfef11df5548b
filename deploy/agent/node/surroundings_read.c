/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces that serve pods are told from the node's own: what is left of the network
 * plugin of before must not make the node's podCIDR unusable. */
#include "surroundings_read.h"

#include <string.h>

#include "plugin/netlink/addr.h"
#include "plugin/netlink/link.h"
#include "kernel_routes.h"

/* The interface by which flannel sends to other nodes; its address is in the podCIDR. */
#define FLANNEL "flannel.1"

struct reader {
	struct netlink *nl;
	const struct surroundings_spec *spec;
	unsigned int bridge, flannel; /* indexes; 0: there is none */
	struct link
		link; /* the one asked for last: the kernel lists address by address */
	struct surroundings *around;
	struct cni_error *err;
};

static bool serves_pods(const struct reader *reader, unsigned int index)
{
	return index && (index == reader->bridge || index == reader->flannel);
}

/* The node's end of a pod's veth may have the gateway's address, without a network. */
static bool is_gateway_of_pod(const struct link *link, const struct ip_prefix *address)
{
	return link_is(link, "veth") && address->len == ip_bits(address->addr.family);
}

static int address_take(struct reader *reader, const struct link_addr *item)
{
	bool of_pods = serves_pods(reader, item->index);
	struct link *link = &reader->link;
	int ret = 0;

	if (link->index != item->index)
		ret = link_get_by_index(reader->nl, item->index, link, reader->err);
	if (ret < 0)
		return ret;
	return surroundings_add_address(reader->around, &item->address, link->name,
					of_pods ||
						is_gateway_of_pod(link, &item->address),
					reader->spec->cluster, reader->err);
}

static int addresses_take(struct reader *reader, int family)
{
	_cleanup_(link_addr_list_clear) struct link_addr_list list = {};
	int ret = link_addr_list_get(reader->nl, family, &list, reader->err);

	/* Each interface of a pod may have a link-local one, which is no Node's anyway. */
	for (size_t i = 0; ret == 0 && i < list.n; i++)
		if (!ip_is_link_local6(&list.items[i].address.addr))
			ret = address_take(reader, &list.items[i]);
	return ret;
}

/* A gateway inside its own destination is one of an overlay, which pods' addresses are
 * used for; the default route's is always a router. */
static bool is_router(const struct reader *reader, const struct kernel_route *item)
{
	const struct route *route = &item->route;

	return route->gw.family && !serves_pods(reader, item->index) &&
	       (prefix_is_default(&route->dst) ||
		!prefix_contains(&route->dst, &route->gw));
}

static int route_take(struct reader *reader, const struct kernel_route *item, bool held)
{
	struct held_range range = {item->route.dst, item->route.gw};

	if (item->protocol == ROUTE_PROTOCOL)
		return held && range.gateway.family
			       ? surroundings_add_held(reader->around, &range,
						       reader->err)
			       : 0;
	if (!is_router(reader, item))
		return 0;
	return surroundings_add_host(reader->around, &item->route.gw, RANGE_GATEWAY, "",
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

int surroundings_read(struct netlink *nl, const struct surroundings_spec *spec, bool held,
		      struct surroundings *ret_around, struct cni_error *err)
{
	_cleanup_(surroundings_clear) struct surroundings around = {};
	struct reader reader = {
		.nl = nl,
		.spec = spec,
		.bridge = netlink_ifindex(nl, spec->bridge),
		.flannel = netlink_ifindex(nl, FLANNEL),
		.around = &around,
		.err = err,
	};
	int ret = 0;

	for (int i = 0; ret == 0 && i < IP_FAMILIES; i++) {
		ret = addresses_take(&reader, ip_families[i]);
		if (ret == 0)
			ret = routes_take(&reader, ip_families[i], held);
		if (ret == 0 && spec->api_server[i].family)
			ret = surroundings_add_host(&around, &spec->api_server[i],
						    RANGE_API_SERVER, "", err);
	}
	if (ret < 0)
		return ret;
	surroundings_settle(&around);
	*ret_around = around;
	around = (struct surroundings){};
	return 0;
}
