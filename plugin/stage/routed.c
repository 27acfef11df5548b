/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Works out routes; routes.c makes them. */
#include "routed.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

/* The bridge gets the gateway's address with the subnet's prefix, and with it the node's
 * route to the pod. */
static int gateways_check(const struct attachment *att, struct cni_error *err)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		const struct ip_config *ip = &att->ipam.ips.items[i];

		if (ip_is_link_local6(&ip->gateway) ||
		    prefix_contains(&ip->address, &ip->gateway))
			continue;
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "podLink: \"routed\" needs a gateway on bridge %s in "
				 "the subnet of each address, but %s gave %s the gateway "
				 "%s: the node would have no route to the pod",
				 att->bridge, att->network->ipam.type,
				 PREFIX_TEXT(&ip->address), IP_TEXT(&ip->gateway));
	}
	return 0;
}

static void host_route_add(struct route_list *list, const struct ip_addr *gw)
{
	struct route route = {.dst = {*gw, ip_bits(gw->family)}};

	if (!gw->family || ip_is_link_local6(gw))
		return; /* A link-local gateway is on the link anyway. */
	for (size_t i = 0; i < list->n; i++)
		if (prefix_equal(&list->items[i].dst, &route.dst))
			return;
	/* IPv6 has no scopes. */
	if (gw->family == AF_INET) {
		route.scope_set = true;
		route.scope = RT_SCOPE_LINK;
	}
	list->items[list->n++] = route;
}

/* Does a default route of that family lead by a gateway of the attachment's own? Then it
 * leads to all of its subnets. One with an MTU of its own is for what is farther away:
 * pods of this node reach each other with that of their interfaces. */
static bool default_leads(const struct cni_result *ipam, int family)
{
	for (size_t i = 0; i < ipam->routes.n; i++) {
		const struct route *route = &ipam->routes.items[i];

		if (route->dst.addr.family != family || !prefix_is_default(&route->dst) ||
		    (route->table_set && route->table != RT_TABLE_MAIN) || route->mtu ||
		    route->advmss)
			continue;
		for (size_t k = 0; k < ipam->ips.n; k++)
			if (ip_equal(&ipam->ips.items[k].gateway, &route->gw))
				return true;
	}
	return false;
}

static void subnet_route_add(struct route_list *list, const struct ip_config *ip)
{
	struct route route = {.dst = prefix_network(&ip->address), .gw = ip->gateway};

	for (size_t i = 0; i < list->n; i++)
		if (prefix_equal(&list->items[i].dst, &route.dst))
			return;
	list->items[list->n++] = route;
}

int routed_complete(struct attachment *att, struct cni_error *err)
{
	struct cni_result *ipam = &att->ipam;
	struct route_list list = {};
	int ret = gateways_check(att, err);

	if (ret < 0)
		return ret;
	list.items = calloc(2 * (ipam->ips.n + ipam->routes.n) + 1, sizeof(*list.items));
	if (!list.items)
		return error_oom(err);
	for (size_t i = 0; i < ipam->ips.n; i++)
		host_route_add(&list, &ipam->ips.items[i].gateway);
	for (size_t i = 0; i < ipam->routes.n; i++)
		host_route_add(&list, &ipam->routes.items[i].gw);
	for (size_t i = 0; i < ipam->ips.n; i++)
		if (!default_leads(ipam, ipam->ips.items[i].address.addr.family))
			subnet_route_add(&list, &ipam->ips.items[i]);
	for (size_t i = 0; i < ipam->routes.n; i++)
		list.items[list.n++] = ipam->routes.items[i];
	free(ipam->routes.items);
	ipam->routes = list;
	return 0;
}
