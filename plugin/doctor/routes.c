/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Default routes: those that pods are given, and the node's own. */
#include <string.h>
#include <sys/socket.h>

#include "checks.h"
#include "finding.h"
#include "ipam/ipam.h"
#include "plugin/node/uplink.h"

void routes_keep(const struct network *network, struct doctor_network *kept)
{
	const struct route_list *routes = &network->ipam.routes;
	size_t unlimited = 0;

	for (size_t i = 0; i < routes->n; i++) {
		const struct route *route = &routes->items[i];

		if (!prefix_is_default(&route->dst))
			continue;
		kept->gives_default_route = true;
		unlimited += !route->mtu;
		if (route->mtu > kept->route_mtu)
			kept->route_mtu = route->mtu;
	}
	if (unlimited || (!kept->gives_default_route && network->is_default_gateway))
		kept->route_mtu = 0;
	kept->gives_default_route |= network->is_default_gateway;
	/* Without a route at all, nothing that pods send to the world comes to the node.
	 * Another IPAM plugin may give routes of its own. */
	kept->masquerades_nothing = network->ip_masq && ipam_in_process(network) &&
				    !kept->gives_default_route && routes->n == 0;
}

static bool has_way_out(struct doctor *doctor, int family)
{
	_cleanup_(link_list_clear) struct link_list uplinks = {};

	/* What can't be seen is told by others. */
	return uplink_list_get(doctor->rtnl, family, &uplinks, NULL) < 0 || uplinks.n > 0;
}

/* A network of both families is fine where the node has one of them. */
static bool leads_nowhere(struct doctor *doctor, const struct doctor_network *network)
{
	for (size_t i = 0; i < network->subnets.n; i++)
		if (has_way_out(doctor, network->subnets.items[i].addr.family))
			return false;
	return network->subnets.n > 0;
}

void routes_check(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->networks.n; i++) {
		const struct doctor_network *network = &doctor->networks.items[i];

		doctor->network = network->name;
		if (network->masquerades_nothing) {
			doctor_tell(doctor, DOCTOR_WARNING,
				    "pods get no route out of their subnet, although "
				    "ipMasq is for what they send there");
			doctor_advise(doctor,
				      "set isDefaultGateway to true, or list routes in "
				      "ipam.routes; where pods are to reach nobody "
				      "outside, set ipMasq to false");
		}
		if (network->masquerades && leads_nowhere(doctor, network)) {
			doctor_tell(
				doctor, DOCTOR_WARNING,
				"the node has no default route: outside, pods reach only what "
				"its other routes lead to");
			doctor_advise(doctor,
				      "add one: ip route add default via ROUTER; where "
				      "pods are to reach nobody outside, set ipMasq to "
				      "false");
		}
		doctor->network = NULL;
	}
}
