/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of routes as rtnetlink messages. route_read.c reads routes. */
#include "route.h"

#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "build.h"

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
	/* As in struct rtvia, the address stands behind the family. */
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

static struct builder queue_route(struct netlink *nl, struct nlmsghdr *msg,
				  unsigned int index, uint8_t protocol, uint8_t type,
				  bool onlink, const struct route *route)
{
	struct rtmsg header = {
		.rtm_family = route->dst.addr.family,
		.rtm_dst_len = route->dst.len,
		.rtm_table = RT_TABLE_UNSPEC,
		.rtm_protocol = protocol,
		.rtm_scope = route_scope(route),
		.rtm_type = type ? type : RTN_UNICAST,
		.rtm_flags = onlink ? RTNH_F_ONLINK : 0,
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
	struct nlmsghdr *msg = netlink_queue(
		nl, RTM_NEWROUTE, NLM_F_CREATE | (exclusive ? NLM_F_EXCL : 0),
		"adding the route to %s by %s through %s", PREFIX_TEXT(&route->dst),
		route->gw.family ? IP_TEXT(&route->gw) : "the link", name);

	queue_route(nl, msg, index, RTPROT_BOOT, RTN_UNICAST, false, route);
}

void queue_route_set(struct netlink *nl, const struct kernel_route *wanted, bool replace)
{
	struct nlmsghdr *msg = netlink_queue(
		nl, RTM_NEWROUTE, NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL),
		"%s the route to %s by %s through interface %u",
		replace ? "changing" : "adding", PREFIX_TEXT(&wanted->route.dst),
		wanted->route.gw.family ? IP_TEXT(&wanted->route.gw) : "the link",
		wanted->index);
	struct builder b = queue_route(nl, msg, wanted->index, wanted->protocol,
				       wanted->type, wanted->onlink, &wanted->route);

	if (wanted->source.family)
		put_ip(b, RTA_PREFSRC, &wanted->source);
}

void queue_route_del(struct netlink *nl, const struct kernel_route *route)
{
	struct nlmsghdr *msg = netlink_queue(nl, RTM_DELROUTE, 0,
					     "removing the route to %s",
					     PREFIX_TEXT(&route->route.dst));
	struct route whole = route->route;

	if (!route->nexthop && route->hops == 1) {
		queue_route(nl, msg, route->index, route->protocol, route->type, false,
			    &whole);
		return;
	}
	/* The kernel knows such a route by its nexthop object, not by one of the next
	 * hops. */
	whole.gw = (struct ip_addr){};
	put_u32(queue_route(nl, msg, 0, route->protocol, route->type, false, &whole),
		RTA_NH_ID, route->nexthop);
}
