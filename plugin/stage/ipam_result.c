/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Works gateways and routes out from the addresses and the network's configuration. */
#include "ipam_result.h"

#include <errno.h>

#include "routed.h"

/* Gives the gateway of the first address of this family that has one; NULL: none has. */
static const struct ip_addr *family_gateway(const struct cni_result *ipam, int family)
{
	for (size_t i = 0; i < ipam->ips.n; i++) {
		const struct ip_config *ip = &ipam->ips.items[i];

		if (ip->address.addr.family == family && ip->gateway.family)
			return &ip->gateway;
	}
	return NULL;
}

static void gateways_complete(struct cni_result *ipam)
{
	for (size_t i = 0; i < ipam->ips.n; i++) {
		struct ip_config *ip = &ipam->ips.items[i];
		struct ip_prefix network;

		if (ip->gateway.family)
			continue;
		network = prefix_network(&ip->address);
		ip_next(&network.addr, &ip->gateway);
	}
}

static bool has_default_route(const struct cni_result *ipam, int family)
{
	for (size_t i = 0; i < ipam->routes.n; i++) {
		const struct route *route = &ipam->routes.items[i];

		if (route->dst.addr.family == family && prefix_is_default(&route->dst))
			return true;
	}
	return false;
}

static int default_routes_complete(struct cni_result *ipam, struct cni_error *err)
{
	for (size_t i = 0; i < IP_FAMILIES; i++) {
		struct route *items;

		if (!family_gateway(ipam, ip_families[i]) ||
		    has_default_route(ipam, ip_families[i]))
			continue;
		items = reallocarray(ipam->routes.items, ipam->routes.n + 1,
				     sizeof(*items));
		if (!items)
			return error_oom(err);
		ipam->routes.items = items;
		items[ipam->routes.n++] =
			(struct route){.dst.addr.family = ip_families[i]};
	}
	return 0;
}

static bool same_route(const struct route *a, const struct route *b)
{
	return prefix_equal(&a->dst, &b->dst) && ip_equal(&a->gw, &b->gw) &&
	       a->priority == b->priority && a->table_set == b->table_set &&
	       a->table == b->table;
}

/* Can the pod use the route? A route by a link-local gateway needs no address but the
 * kernel's own link-local one. */
static bool has_use(const struct attachment *att, const struct route *route)
{
	return attachment_uses(att, route->dst.addr.family) ||
	       (route->gw.family && ip_is_link_local6(&route->gw));
}

/* Completes the routes. A route without a gateway goes by its family's, so that the
 * result tells the truth. */
static void routes_complete(struct attachment *att)
{
	struct cni_result *ipam = &att->ipam;
	size_t kept = 0;

	for (size_t i = 0; i < ipam->routes.n; i++) {
		struct route route = ipam->routes.items[i];
		const struct ip_addr *gateway = family_gateway(ipam,
							       route.dst.addr.family);
		bool twice = false;

		if (!has_use(att, &route)) {
			notice(&att->op->notices,
			       "the route to %s is left out: the pod has no "
			       "%s address",
			       PREFIX_TEXT(&route.dst),
			       ip_family_name(route.dst.addr.family));
			continue;
		}
		if (!route.gw.family && gateway)
			route.gw = *gateway;
		if (!route.priority && prefix_is_default(&route.dst))
			route.priority = att->network->metric;
		for (size_t k = 0; k < kept; k++)
			twice = twice || same_route(&ipam->routes.items[k], &route);
		if (!twice)
			ipam->routes.items[kept++] = route;
	}
	ipam->routes.n = kept;
}

/* Does the pod find @addr on its link, or have a route to it? */
static bool is_reached(const struct cni_result *ipam, const struct ip_addr *addr)
{
	bool found = ip_is_link_local6(addr);

	for (size_t i = 0; i < ipam->ips.n; i++)
		found = found || prefix_contains(&ipam->ips.items[i].address, addr);
	for (size_t i = 0; i < ipam->routes.n; i++)
		found = found || (!prefix_is_default(&ipam->routes.items[i].dst) &&
				  prefix_contains(&ipam->routes.items[i].dst, addr));
	return found;
}

/* Tells of gateways that the pod can't reach. In ranges of the configuration they are
 * refused; in another IPAM plugin's answer they are told only, as the reference serves
 * it. */
static void unreached_gateways_tell(struct attachment *att)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		const struct ip_config *ip = &att->ipam.ips.items[i];

		if (ip->gateway.family && !is_reached(&att->ipam, &ip->gateway))
			notice(&att->op->notices,
			       "isGateway: %s gave %s the gateway %s, which is "
			       "not in that subnet: the bridge gets it, and the "
			       "pod can't reach it",
			       att->network->ipam.type, PREFIX_TEXT(&ip->address),
			       IP_TEXT(&ip->gateway));
	}
}

/* A check lets a pod speak for its own address, and a routed pod's has a neighbour on the
 * bridge. So the gateway's is not to be had, by the capability `ips` for example. Without
 * either the reference serves it. */
static int gateway_refuse(const struct attachment *att, struct cni_error *err)
{
	const struct cni_result *ipam = &att->ipam;

	if (!att->network->is_gateway || (!att->pod->spoof_check && !att->routed))
		return 0;
	for (size_t i = 0; i < ipam->ips.n; i++)
		for (size_t k = 0; k < ipam->ips.n; k++)
			if (ip_equal(&ipam->ips.items[i].address.addr,
				     &ipam->ips.items[k].gateway))
				return error_set(
					err, CNI_ERR_DELEGATE, EADDRINUSE,
					"%s: %s gave the pod the address %s, which is "
					"that of its gateway, the bridge %s; exclude it "
					"in that plugin's configuration",
					att->routed ? "podLink \"routed\"" : "spoofCheck",
					att->network->ipam.type,
					IP_TEXT(&ipam->ips.items[k].gateway),
					att->bridge);
	return 0;
}

int ipam_result_complete(struct attachment *att, struct cni_error *err)
{
	int ret = 0;

	if (att->network->is_gateway)
		gateways_complete(&att->ipam);
	ret = gateway_refuse(att, err);
	if (ret == 0 && att->network->is_default_gateway)
		ret = default_routes_complete(&att->ipam, err);
	if (ret == 0)
		routes_complete(att);
	if (ret == 0 && att->routed)
		return routed_complete(att, err);
	if (ret == 0 && att->network->is_gateway)
		unreached_gateways_tell(att);
	return ret;
}
