/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Can pods reach the gateways of their ranges? */
#include "range_gateways.h"

#include <errno.h>

#include "ranges.h"

static bool set_has_subnet_of(const struct range_set *set, const struct ip_addr *addr)
{
	for (size_t i = 0; i < set->n; i++)
		if (prefix_contains(&set->ranges[i].subnet, addr))
			return true;
	return false;
}

/* Can a pod reach the gateway by its address of that range, or of another set? It has one
 * of each set. */
static bool gateway_is_on_link(const struct range_set_list *sets, size_t set,
			       const struct ip_range *range)
{
	if (prefix_contains(&range->subnet, &range->gateway) ||
	    ip_is_link_local6(&range->gateway))
		return true;
	for (size_t i = 0; i < sets->n; i++)
		if (i != set && set_has_subnet_of(&sets->items[i], &range->gateway))
			return true;
	return false;
}

/* Routes go by the gateway of the family's first address. */
static bool is_first_of_family(const struct range_set_list *sets, size_t set)
{
	int family = sets->items[set].ranges[0].subnet.addr.family;

	for (size_t i = 0; i < set; i++)
		if (sets->items[i].ranges[0].subnet.addr.family == family)
			return false;
	return true;
}

/* Finds a route that leads through the gateway. Returns NULL also where another route may
 * lead to the gateway, as the kernel judges that. */
static const struct route *route_by(const struct route_list *routes,
				    const struct ip_addr *gateway)
{
	const struct route *found = NULL;

	for (size_t i = 0; i < routes->n; i++) {
		const struct route *route = &routes->items[i];

		if (route->gw.family && !prefix_is_default(&route->dst) &&
		    prefix_contains(&route->dst, gateway))
			return NULL;
		if (!found && !route->gw.family &&
		    route->dst.addr.family == gateway->family)
			found = route;
	}
	return found;
}

static int gateway_check(const struct ipam_conf *ipam, size_t set, size_t nr,
			 bool is_gateway, struct cni_error *err)
{
	const struct ip_range *range = &ipam->sets.items[set].ranges[nr];
	struct range_origin origin = {ipam->runtime_sets, ipam->single_sets, ""};
	const struct route *route = NULL;
	const char *name;

	if (gateway_is_on_link(&ipam->sets, set, range))
		return 0;
	if (!is_gateway && is_first_of_family(&ipam->sets, set))
		route = route_by(&ipam->routes, &range->gateway);
	if (!is_gateway && !route)
		return 0;
	name = range_name(&origin, set, nr);
	if (is_gateway)
		return error_set(
			err, CNI_ERR_CONFIG, EINVAL,
			"%s.gateway: %s is not in subnet %s: with isGateway it "
			"would be the bridge's, which pods couldn't reach; take an "
			"address of the subnet, or remove the key",
			name, IP_TEXT(&range->gateway), PREFIX_TEXT(&range->subnet));
	return error_set(
		err, CNI_ERR_CONFIG, EINVAL,
		"%s.gateway: %s is not in subnet %s: pods couldn't reach it, and "
		"the route to %s in ipam.routes leads through it; take an address of the "
		"subnet, or give the route a gw",
		name, IP_TEXT(&range->gateway), PREFIX_TEXT(&range->subnet),
		PREFIX_TEXT(&route->dst));
}

int range_gateways_check(const struct ipam_conf *ipam, bool is_gateway,
			 struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < ipam->sets.n; i++)
		for (size_t j = 0; ret == 0 && j < ipam->sets.items[i].n; j++)
			ret = gateway_check(ipam, i, j, is_gateway, err);
	return ret;
}

bool range_sets_have(const struct range_set_list *sets, const struct ip_addr *ip)
{
	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++)
			if (prefix_contains(&sets->items[i].ranges[k].subnet, ip))
				return true;
	return false;
}
