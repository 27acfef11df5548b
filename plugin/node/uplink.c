/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink.h"
#include "plugin/netlink/route.h"
#include "plugin/netlink/route_lookup.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

static bool is_default(const struct kernel_route *route)
{
	return prefix_is_default(&route->route.dst) && route->index &&
	       route->route.table == RT_TABLE_MAIN;
}

static const struct kernel_route *preferred(const struct kernel_route_list *routes)
{
	const struct kernel_route *best = NULL;

	for (size_t i = 0; i < routes->n; i++)
		if (is_default(&routes->items[i]) &&
		    (!best || routes->items[i].route.priority < best->route.priority))
			best = &routes->items[i];
	return best;
}

static int smallest_mtu(struct netlink *nl, const struct kernel_route_list *routes,
			uint32_t priority, uint32_t *ret_mtu, struct cni_error *err)
{
	uint32_t mtu = 0;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < routes->n; i++) {
		const struct kernel_route *route = &routes->items[i];
		struct link link = {};

		if (!is_default(route) || route->route.priority != priority)
			continue;
		ret = link_get_by_index(nl, route->index, &link, err);
		if (ret == 0 && link.mtu && (!mtu || link.mtu < mtu))
			mtu = link.mtu;
	}
	if (ret == 0)
		*ret_mtu = mtu;
	return ret;
}

int uplink_mtu(struct netlink *nl, int family, uint32_t *ret_mtu, struct cni_error *err)
{
	struct kernel_route_list routes = {};
	const struct kernel_route *best;
	int ret = route_list_get(nl, family, &routes, err);

	best = preferred(&routes);
	if (ret == 0)
		ret = smallest_mtu(nl, &routes, best ? best->route.priority : 0, ret_mtu,
				   err);
	kernel_route_list_clear(&routes);
	return ret;
}

int uplink_default(struct netlink *nl, struct link *ret_link, struct cni_error *err)
{
	struct link link = {};
	int ret = 0;

	for (size_t i = 0; ret == 0 && !link.index && i < IP_FAMILIES; i++) {
		struct kernel_route_list routes = {};
		const struct kernel_route *route;

		ret = route_list_get(nl, ip_families[i], &routes, err);
		route = preferred(&routes);
		if (ret == 0 && route)
			ret = link_get_by_index(nl, route->index, &link, err);
		kernel_route_list_clear(&routes);
	}
	if (ret == 0)
		*ret_link = link;
	return ret;
}

const struct ip_addr *world_example(int family, size_t i)
{
	static const struct ip_addr v4[WORLD_EXAMPLES] = {
		{AF_INET, {12, 34, 56, 78}},
		{AF_INET, {195, 67, 89, 10}},
	};
	static const struct ip_addr v6[WORLD_EXAMPLES] = {
		{AF_INET6, {0x26, 0x00, 0x12, 0x34, [15] = 1}},
		{AF_INET6, {0x2a, 0x02, 0x56, 0x78, [15] = 1}},
	};

	return family == AF_INET ? &v4[i] : &v6[i];
}

int uplink_list_get(struct netlink *nl, int family, struct link_list *ret_list,
		    struct cni_error *err)
{
	struct kernel_route_list routes = {};
	struct link_list list = {};
	int ret = route_to(nl, world_example(family, 0), &routes, err);

	if (ret == 0 && routes.n > 0) {
		list.items = calloc(routes.n, sizeof(*list.items));
		if (!list.items)
			ret = error_oom(err);
	}
	for (size_t i = 0; ret == 0 && i < routes.n; i++) {
		struct link *link = &list.items[list.n];

		if (routes.items[i].index)
			ret = link_get_by_index(nl, routes.items[i].index, link, err);
		list.n += link->index != 0;
	}
	kernel_route_list_clear(&routes);
	if (ret < 0) {
		link_list_clear(&list);
		return ret;
	}
	*ret_list = list;
	return 0;
}

static bool leads_by(const struct link_list *list, unsigned int index)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].index == index)
			return true;
	return false;
}

/* The decision names one next hop alone. Where the node's own packets leave by it, those
 * of pods may take any of the same route's. */
int uplink_list_of_pod(struct netlink *nl, const struct ip_addr *pod, unsigned int in,
		       struct link_list *ret_list, struct cni_error *err)
{
	const struct route_packet packet = {*world_example(pod->family, 0), *pod, in};
	struct route_decision decision = {};
	struct link_list list = {};
	int ret = uplink_list_get(nl, pod->family, &list, err);

	if (ret == 0 && in)
		ret = route_lookup(nl, &packet, &decision, err);
	if (ret == 0 && !decision.errnum && decision.out &&
	    !leads_by(&list, decision.out)) {
		link_list_clear(&list);
		list.items = calloc(1, sizeof(*list.items));
		ret = list.items ? link_get_by_index(nl, decision.out, list.items, err)
				 : error_oom(err);
		list.n = ret == 0 && list.items->index;
	}
	if (ret < 0) {
		link_list_clear(&list);
		return ret;
	}
	*ret_list = list;
	return 0;
}
