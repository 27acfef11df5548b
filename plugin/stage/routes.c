/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adds the pod's routes, which go with the veth. The stage is this late on purpose: once
 * the pod's end is up, the kernel's work queue holds the routing lock for as long as it
 * tells everybody, and the stages between need that lock little.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "plugin/netlink/fib.h"
#include "plugin/netlink/route.h"
#include "forwarding.h"
#include "stages.h"

#define FIRST_INDEX 2 /* the index of a namespace's first interface after lo */

/* The metric of an IPv6 route that has none given (linux/ipv6_route.h), and that of a
 * subnet. */
#define METRIC6_DEFAULT 1024
#define METRIC6_SUBNET	256

/* The kernel takes 0 for the main table. */
static uint32_t table_of(const struct route *route)
{
	return route->table ? route->table : RT_TABLE_MAIN;
}

static uint32_t metric_of(const struct route *route)
{
	bool by_kernel = !route->priority && route->dst.addr.family == AF_INET6;

	return by_kernel ? METRIC6_DEFAULT : route->priority;
}

static bool same_destination(const struct route *a, const struct route *b)
{
	return prefix_equal(&a->dst, &b->dst) && table_of(a) == table_of(b);
}

static bool same_place(const struct route *a, const struct route *b)
{
	return same_destination(a, b) && metric_of(a) == metric_of(b);
}

static bool is_there(const struct kernel_route_list *list, unsigned int index,
		     const struct route *route)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].index == index &&
		    same_place(&list->items[i].route, route) &&
		    ip_equal(&list->items[i].route.gw, &route->gw))
			return true;
	return false;
}

static bool is_anothers(const struct kernel_route_list *list, unsigned int index,
			const struct route *route)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].index != index &&
		    same_place(&list->items[i].route, route))
			return true;
	return false;
}

/*
 * Chooses the metric of an IPv6 route, so that the newest network's route is the one in
 * use. Of several IPv4 routes with one metric the kernel uses the last by itself. Of
 * IPv6's it would make one route of several next hops, and part of the connections would
 * leave by the wrong network. So the route gets a metric below those of the others or,
 * where a metric was asked for and is taken, the next lower one that is free.
 */
static void metric_choose(const struct kernel_route_list *list, unsigned int index,
			  struct route *route)
{
	uint32_t lowest = metric_of(route);

	for (size_t i = 0; !route->priority && i < list->n; i++) {
		const struct route *other = &list->items[i].route;

		if (list->items[i].index != index && same_destination(other, route) &&
		    other->priority > 1 && other->priority <= lowest)
			lowest = other->priority - 1;
	}
	if (lowest != metric_of(route))
		route->priority = lowest;
	while (route->priority > 1 && is_anothers(list, index, route))
		route->priority--;
	/* No metric is below 1, so a route with that one stays in use. */
	while (is_anothers(list, index, route))
		route->priority = metric_of(route) + 1;
}

/* Finds out which of the attachment's routes of that family are there already, and
 * chooses metrics for the other IPv6 routes. */
static int routes_find(struct attachment *att, int family, bool *there,
		       struct cni_error *err)
{
	struct route_list *routes = &att->ipam.routes;
	struct kernel_route_list list = {};
	int ret = route_list_get(att->pod_ns.rtnl, family, &list, err);

	for (size_t i = 0; ret == 0 && i < routes->n; i++) {
		struct route *route = &routes->items[i];

		there[i] = is_there(&list, att->container_index, route);
		if (!there[i] && route->dst.addr.family == AF_INET6)
			metric_choose(&list, att->container_index, route);
	}
	kernel_route_list_clear(&list);
	return ret;
}

static int add_all(struct attachment *att, const bool *there, bool exclusive,
		   struct cni_error *err)
{
	const struct route_list *routes = &att->ipam.routes;

	for (size_t i = 0; i < routes->n; i++) {
		const struct route *route = &routes->items[i];

		if (!there[i])
			queue_route_add(att->pod_ns.rtnl, att->container_index,
					att->pod->ifname, route,
					exclusive && route->dst.addr.family == AF_INET6);
	}
	return netlink_commit(att->pod_ns.rtnl, err);
}

/* Adds the routes that are missing. The pod's routes are listed first only where another
 * interface was made before and may have an IPv6 route to the same place. Any other route
 * that is in the way is found when the kernel refuses ours. */
static int routes_make(struct attachment *att, bool *there, struct cni_error *err)
{
	bool asked = att->container_index > FIRST_INDEX && attachment_uses(att, AF_INET6);
	int ret = asked ? routes_find(att, AF_INET6, there, err) : 0;

	if (ret == 0)
		ret = add_all(att, there, !asked, err);
	if (ret != -EEXIST)
		return ret;
	error_clear(err);
	ret = routes_find(att, AF_UNSPEC, there, err);
	return ret < 0 ? ret : add_all(att, there, false, err);
}

/* Finds a subnet of the pod's own that the route leads to past the link, all of it or a
 * part. NULL: none. */
static const struct ip_prefix *own_subnet(const struct attachment *att,
					  const struct route *route)
{
	bool first = route->dst.addr.family == AF_INET
			     ? !route->priority
			     : metric_of(route) < METRIC6_SUBNET;

	if (!route->gw.family || table_of(route) != RT_TABLE_MAIN)
		return NULL;
	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		const struct ip_prefix *own = &att->ipam.ips.items[i].address;

		if (prefix_contains(own, &route->dst.addr) &&
		    (route->dst.len > own->len || (route->dst.len == own->len && first)))
			return own;
	}
	return NULL;
}

static bool is_own_gateway(const struct attachment *att, const struct ip_addr *gw)
{
	for (size_t i = 0; att->network->is_gateway && i < att->ipam.ips.n; i++)
		if (ip_equal(&att->ipam.ips.items[i].gateway, gw))
			return true;
	return false;
}

/* Does the gateway forward? That is known only of this network's gateway, and of the
 * node's addresses. */
static bool gateway_forwards(const struct attachment *att, const struct ip_addr *gw)
{
	struct netlink *nl = att->op->node.rtnl;
	bool local = false, on = false;

	if (is_own_gateway(att, gw))
		return true;
	return route_is_local(nl, gw, &local, NULL) == 0 && local &&
	       forwarding_all_get(nl, gw->family, &on, NULL) == 0 && on;
}

/* Tells of a route that is made as it was asked for, but may not be what was meant. */
static void own_subnet_notice(struct attachment *att)
{
	for (size_t i = 0; i < att->ipam.routes.n; i++) {
		const struct route *route = &att->ipam.routes.items[i];
		const struct ip_prefix *own = own_subnet(att, route);
		struct ip_prefix subnet;

		if (!own || gateway_forwards(att, &route->gw))
			continue;
		subnet = prefix_network(own);
		notice(&att->op->notices,
		       "the route to %s by %s goes before the link in the "
		       "pod's own subnet %s: pods there reach each other only "
		       "if that gateway forwards",
		       PREFIX_TEXT(&route->dst), IP_TEXT(&route->gw),
		       PREFIX_TEXT(&subnet));
	}
}

/*
 * Leaves out an MTU above the interface's. The kernel would take it, believe it, and hand
 * the interface packets that are too large for it, which are lost without a word. The
 * configuration may have followed an uplink that got a larger MTU, which a bridge with
 * pods doesn't follow.
 */
static void mtus_fit(struct attachment *att)
{
	for (size_t i = 0; i < att->ipam.routes.n; i++) {
		struct route *route = &att->ipam.routes.items[i];

		if (route->mtu <= att->mtu)
			continue;
		notice(&att->op->notices,
		       "the route to %s has the interface's mtu of %u, as the %u that "
		       "it was to have are more",
		       PREFIX_TEXT(&route->dst), att->mtu, route->mtu);
		route->mtu = route->advmss = 0;
	}
}

static int routes_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(free_p) bool *there = NULL;
	int ret;

	if (att->network->disable_container_interface || att->ipam.routes.n == 0)
		return 0;
	there = calloc(att->ipam.routes.n, sizeof(*there));
	if (!there)
		return error_oom(err);
	mtus_fit(att);
	ret = routes_make(att, there, err);
	if (ret == 0 && !att->routed)
		own_subnet_notice(att);
	return ret;
}

/* Is the route in the expected table? Where none was asked for, a later plugin may have
 * moved it to another one (sbr). */
static bool is_in_table(const struct kernel_route *found, const struct route *expected,
			unsigned int index)
{
	return found->route.table == table_of(expected) ||
	       (!expected->table_set && found->index == index);
}

static bool route_matches(const struct kernel_route *found, const struct route *expected,
			  unsigned int index)
{
	/* IPv6 has no scopes. */
	bool scope = expected->scope_set && expected->dst.addr.family == AF_INET;

	return prefix_equal(&found->route.dst, &expected->dst) &&
	       (!expected->gw.family || ip_equal(&found->route.gw, &expected->gw)) &&
	       (!expected->priority || found->route.priority == expected->priority) &&
	       (!expected->mtu || found->route.mtu == expected->mtu) &&
	       (!expected->advmss || found->route.advmss == expected->advmss) &&
	       (!scope || found->route.scope == expected->scope) &&
	       is_in_table(found, expected, index);
}

/* Describes what is found instead of an expected route: the last one to the same
 * destination. */
static void route_found_text(const struct kernel_route_list *list,
			     const struct route *expected, char *ret_text, size_t size)
{
	snprintf(ret_text, size, "none");
	for (size_t i = 0; i < list->n; i++) {
		const struct route *route = &list->items[i].route;

		if (prefix_equal(&route->dst, &expected->dst))
			snprintf(
				ret_text, size,
				"one by %s in table %u with priority %u, mtu %u, advmss %u",
				route->gw.family ? IP_TEXT(&route->gw) : "the link",
				route->table, route->priority, route->mtu, route->advmss);
	}
}

static int routes_check(struct attachment *att, struct cni_error *err)
{
	const struct route_list *routes = &att->ipam.routes;
	struct kernel_route_list list = {};
	char found[128];
	int ret;

	if (routes->n == 0)
		return 0;
	ret = route_list_get(att->pod_ns.rtnl, AF_UNSPEC, &list, err);
	for (size_t i = 0; ret == 0 && i < routes->n; i++) {
		const struct route *expected = &routes->items[i];
		bool there = false;

		for (size_t k = 0; k < list.n; k++)
			there = there || route_matches(&list.items[k], expected,
						       att->container_index);
		if (there)
			continue;
		route_found_text(&list, expected, found, sizeof(found));
		ret = error_set(err, CNI_ERR_CHECK, ENETUNREACH,
				"%s: expected a route to %s by %s, found %s",
				att->pod->netns, PREFIX_TEXT(&expected->dst),
				expected->gw.family ? IP_TEXT(&expected->gw) : "the link",
				found);
	}
	kernel_route_list_clear(&list);
	return ret;
}

const struct stage stage_routes = {
	.name = "routes",
	.add = routes_add,
	.check = routes_check,
};
