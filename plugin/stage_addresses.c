/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pod's end: addresses, up, routes, in one send. It goes with the veth, so there is
 * nothing to delete.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "netlink_route.h"
#include "stages.h"
#include "sysctl.h"

/* Runtimes turn IPv6 off in pods by default; who configures it here wants it. */
static int ipv6_enable(void *data, struct cni_error *err)
{
	const char *ifname = data;
	int ret = sysctl_ensure(0, err, "ipv6/conf/%s/disable_ipv6", ifname);

	if (ret == -ENOENT)
		return error_set(
			err, CNI_ERR_KERNEL, EAFNOSUPPORT,
			"the network has IPv6 ranges, but the node's kernel runs "
			"without IPv6");
	return ret;
}

/* For the kernel's duplicate address detection, whatever the pod's defaults are. */
static int dad_enable(void *data, struct cni_error *err)
{
	const char *ifname = data;
	int ret = sysctl_ensure(1, err, "ipv6/conf/%s/accept_dad", ifname);

	if (ret == 0)
		ret = sysctl_ensure(1, err, "ipv6/conf/%s/enhanced_dad", ifname);
	return ret == -ENOENT ? 0 : ret;
}

static int ipv6_prepare(struct attachment *att, struct cni_error *err)
{
	void *ifname = (void *)att->env.ifname;
	int ret = node_in_pod(att->node, ipv6_enable, ifname, err);

	if (ret == 0 && att->conf.enable_dad)
		ret = node_in_pod(att->node, dad_enable, ifname, err);
	return ret;
}

static int addresses_add(struct attachment *att, struct cni_error *err)
{
	const struct cni_result *ipam = &att->ipam;
	struct netlink *nl = att->node->pod_rtnl;
	const char *ifname = att->env.ifname;
	unsigned int index = att->container_index;
	bool dad = att->conf.enable_dad;
	int ret = 0;

	if (att->conf.disable_container_interface)
		return 0;
	if (attachment_uses(att, AF_INET6))
		ret = ipv6_prepare(att, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < ipam->ips.n; i++)
		queue_addr_add(nl, index, ifname, &ipam->ips.items[i].address, dad);
	queue_link_up(nl, index, ifname);
	for (size_t i = 0; i < ipam->routes.n; i++)
		queue_route_add(nl, index, ifname, &ipam->routes.items[i]);
	return netlink_commit(nl, err);
}

static int addresses_check_all(struct attachment *att, struct cni_error *err)
{
	const struct cni_result *prev = &att->ipam;
	struct addr_list list = {};
	char found[ERROR_MSG_MAX / 2];
	int ret;

	ret = addr_list_get(att->node->pod_rtnl, att->container_index, AF_UNSPEC, &list,
			    err);
	for (size_t i = 0; ret == 0 && i < prev->ips.n; i++) {
		const struct ip_prefix *expected = &prev->ips.items[i].address;

		if (addr_list_has(&list, expected))
			continue;
		ret = error_set(err, CNI_ERR_CHECK, EADDRNOTAVAIL,
				"%s: expected the address %s, found %s", att->env.ifname,
				PREFIX_TEXT(expected),
				addr_list_format(&list, found, sizeof(found)));
	}
	addr_list_clear(&list);
	return ret;
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

static int addresses_check(struct attachment *att, struct cni_error *err)
{
	int ret = addresses_check_all(att, err);

	return ret < 0 ? ret : routes_check(att, err);
}

const struct stage stage_addresses = {
	.name = "addresses",
	.add = addresses_add,
	.check = addresses_check,
};
