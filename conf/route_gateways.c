/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel takes a gateway that it finds on the interface: by a subnet of the pod's, or
 * by an earlier route without a gateway. In ipam.routes such a route has the gateway
 * 0.0.0.0 and the scope of the link; the kernel has no such notation for IPv6.
 */
#include "route_gateways.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "capabilities.h"
#include "findings.h"
#include "ranges.h"
#include "request.h"

static bool has_family(const struct range_set_list *sets, int family)
{
	for (size_t i = 0; i < sets->n; i++)
		if (sets->items[i].ranges[0].subnet.addr.family == family)
			return true;
	return false;
}

/* Is the gateway 0.0.0.0, by which the kernel takes the route as one without a gateway? */
static bool has_none(const struct route *route)
{
	return route->gw.family == AF_INET && ip_is_any(&route->gw);
}

/* Does the kernel find the gateway of route @nr? Link-local ones are always on the link. */
static bool is_found(const struct ipam_conf *ipam, size_t nr)
{
	const struct ip_addr *gw = &ipam->routes.items[nr].gw;

	if (has_none(&ipam->routes.items[nr]) || ip_is_link_local6(gw) ||
	    range_sets_have(&ipam->sets, gw))
		return true;
	for (size_t i = 0; i < nr; i++) {
		const struct route *before = &ipam->routes.items[i];

		if (has_none(before) && before->scope >= RT_SCOPE_LINK &&
		    prefix_contains(&before->dst, gw))
			return true;
	}
	return false;
}

static void route_check(const struct network *network, size_t nr,
			struct findings *findings)
{
	const struct ipam_conf *ipam = &network->ipam;
	const struct route *route = &ipam->routes.items[nr];
	int family = route->dst.addr.family;

	if (!has_family(&ipam->sets, family)) {
		if (!route->gw.family || !ip_is_link_local6(&route->gw))
			finding_add(
				findings, FINDING_WARNING, 0,
				"ipam.routes[%zu]: ADD leaves out the route to %s, as "
				"no range has %s addresses; add such a range, or "
				"remove the route",
				nr, PREFIX_TEXT(&route->dst), ip_family_name(family));
	} else if (route->gw.family && !network->routed && !is_found(ipam, nr)) {
		finding_add(
			findings, FINDING_ERROR, CNI_ERR_KERNEL,
			"ipam.routes[%zu].gw: %s is in no subnet of the ranges, so the "
			"kernel refuses the route to %s; take a gateway in one of them, "
			"or remove gw, which is then the gateway of the range (ADD fails "
			"with code %d)",
			nr, IP_TEXT(&route->gw), PREFIX_TEXT(&route->dst),
			CNI_ERR_KERNEL);
	}
}

/*
 * Nothing is said where it can't be known which addresses a pod gets: from another IPAM
 * plugin, or from ranges of the runtime. Gateways of routed pods aren't looked at, as ADD
 * makes a route on the link to each of them first.
 */
void route_gateways_check(const struct request *request, struct findings *findings)
{
	const struct ipam_conf *ipam = &request->network.ipam;
	struct capabilities capabilities = {};

	capabilities_read(request->doc, &capabilities, NULL);
	if (ipam->sets.n == 0 || capabilities.ip_ranges)
		return;
	for (size_t i = 0; i < ipam->routes.n; i++)
		route_check(&request->network, i, findings);
}
