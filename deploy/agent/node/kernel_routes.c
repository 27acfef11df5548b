/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table is read once and sorted, and look-ups go through what was read. */
#include "kernel_routes.h"

#include <linux/rtnetlink.h>

static bool is_agents(const struct kernel_route *route)
{
	return route->protocol == ROUTE_PROTOCOL && route->route.table == RT_TABLE_MAIN;
}

bool kernel_route_is_pods(const struct kernel_route *route)
{
	const struct ip_prefix *dst = &route->route.dst;

	return is_agents(route) && route->type == RTN_UNICAST &&
	       !route->route.gw.family && route->index && route->hops == 1 &&
	       dst->len == ip_bits(dst->addr.family);
}

/* Sealed routes stand behind those to the same podCIDR, and beside them. */
static bool is_sealed(const struct kernel_route *route)
{
	return is_agents(route) && route->type == RTN_UNREACHABLE &&
	       route->route.priority >= SEALED_METRIC;
}

static bool is_ours(const struct kernel_route *route)
{
	return is_agents(route) && !kernel_route_is_pods(route);
}

int kernel_route_cmp(const struct kernel_route *a, const struct kernel_route *b)
{
	int order = ip_cmp(&a->route.dst.addr, &b->route.dst.addr);

	return order ? order : (int)a->route.dst.len - (int)b->route.dst.len;
}

static int by_owner(const void *a, const void *b)
{
	const struct kernel_route *one = a, *other = b;

	if (is_ours(one) != is_ours(other))
		return is_ours(one) ? 1 : -1;
	return kernel_route_cmp(one, other);
}

/* Leaves one entry for each route. A route with several next hops has no single
 * interface, and one that refuses leads nowhere: they are noted as if they had none. */
static void merge_next_hops(struct kernel_route_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct kernel_route route = list->items[i];

		if (route.hop > 0 || is_sealed(&route))
			continue;
		if (route.hops > 1 || route.type != RTN_UNICAST) {
			route.index = 0;
			route.route.gw = (struct ip_addr){};
		}
		list->items[kept++] = route;
	}
	list->n = kept;
}

void kernel_routes_clear(struct kernel_routes *routes)
{
	kernel_route_list_clear(&routes->list);
	*routes = (struct kernel_routes){};
}

int kernel_routes_read(struct netlink *nl, int family, struct kernel_routes *ret_routes,
		       struct cni_error *err)
{
	struct kernel_routes routes = {};
	int ret = route_list_get_all(nl, family, &routes.list, err);

	if (ret < 0)
		return ret;
	merge_next_hops(&routes.list);
	if (routes.list.n)
		qsort(routes.list.items, routes.list.n, sizeof(*routes.list.items),
		      by_owner);
	while (routes.foreign < routes.list.n &&
	       !is_ours(&routes.list.items[routes.foreign]))
		routes.foreign++;
	*ret_routes = routes;
	return 0;
}

static int by_dst(const void *key, const void *item)
{
	return kernel_route_cmp(key, item);
}

const struct kernel_route *kernel_routes_ours(const struct kernel_routes *routes,
					      const struct ip_prefix *dst)
{
	struct kernel_route key = {.route.dst = *dst};

	return routes->list.n > routes->foreign
		       ? bsearch(&key, routes->list.items + routes->foreign,
				 routes->list.n - routes->foreign, sizeof(key), by_dst)
		       : NULL;
}

const struct kernel_route *kernel_routes_look_up(const struct kernel_routes *routes,
						 const struct ip_addr *addr)
{
	const struct kernel_route *best = NULL;

	for (size_t i = 0; i < routes->foreign; i++) {
		const struct kernel_route *route = &routes->list.items[i];
		const struct route *is = &route->route;

		if (is->table != RT_TABLE_MAIN || !prefix_contains(&is->dst, addr))
			continue;
		if (!best || is->dst.len > best->route.dst.len ||
		    (is->dst.len == best->route.dst.len &&
		     is->priority < best->route.priority))
			best = route;
	}
	return best;
}

bool kernel_routes_taken(const struct kernel_routes *routes, const struct ip_prefix *dst)
{
	for (size_t i = 0; i < routes->foreign; i++)
		if (routes->list.items[i].route.table == RT_TABLE_MAIN &&
		    prefix_equal(&routes->list.items[i].route.dst, dst))
			return true;
	return false;
}
