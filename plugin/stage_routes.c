/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pod's routes, which go with the veth. As late as this on purpose: once the pod's end is
 * up the kernel's work queue has the routing lock for as long as it tells everybody, and most
 * of what the stages between ask for can be had without it.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "netlink_route.h"
#include "stages.h"

static int routes_add(struct attachment *att, struct cni_error *err)
{
	const struct route_list *routes = &att->ipam.routes;
	struct netlink *nl = att->node->pod_rtnl;

	if (att->conf.disable_container_interface)
		return 0;
	for (size_t i = 0; i < routes->n; i++)
		queue_route_add(nl, att->container_index, att->env.ifname,
				&routes->items[i]);
	return netlink_commit(nl, err);
}

static bool route_matches(const struct kernel_route *found, const struct route *expected)
{
	/* The kernel takes 0 for the main table. */
	uint32_t table = expected->table ? expected->table : RT_TABLE_MAIN;
	/* IPv6 has no scopes. */
	bool scope = expected->scope_set && expected->dst.addr.family == AF_INET;

	return prefix_equal(&found->route.dst, &expected->dst) &&
	       (!expected->gw.family || ip_equal(&found->route.gw, &expected->gw)) &&
	       (!expected->priority || found->route.priority == expected->priority) &&
	       (!expected->mtu || found->route.mtu == expected->mtu) &&
	       (!expected->advmss || found->route.advmss == expected->advmss) &&
	       (!scope || found->route.scope == expected->scope) &&
	       found->route.table == table;
}

/* What stands in place of an expected route: that to the same destination. */
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
	ret = route_list_get(att->node->pod_rtnl, AF_UNSPEC, &list, err);
	for (size_t i = 0; ret == 0 && i < routes->n; i++) {
		const struct route *expected = &routes->items[i];
		bool there = false;

		for (size_t k = 0; k < list.n; k++)
			there = there || route_matches(&list.items[k], expected);
		if (there)
			continue;
		route_found_text(&list, expected, found, sizeof(found));
		ret = error_set(err, CNI_ERR_CHECK, ENETUNREACH,
				"%s: expected a route to %s by %s, found %s",
				att->env.netns, PREFIX_TEXT(&expected->dst),
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
