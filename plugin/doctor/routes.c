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

	/* That uplinks can't be seen is told by other checks. */
	return uplink_list_get(doctor->rtnl, family, &uplinks, NULL) < 0 || uplinks.n > 0;
}

static bool has_family(const struct doctor_network *network, int family)
{
	for (size_t i = 0; i < network->subnets.n; i++)
		if (network->subnets.items[i].addr.family == family)
			return true;
	return false;
}

/* A network of both families is fine where the node has one of them: a node may be
 * without IPv6 at all. What is not reached then is said all the same. */
static void ways_out_look(struct doctor *doctor, const struct doctor_network *network)
{
	size_t families = 0, without = 0;
	int missing = 0;

	for (size_t i = 0; i < IP_FAMILIES; i++) {
		if (!has_family(network, ip_families[i]))
			continue;
		families++;
		if (has_way_out(doctor, ip_families[i]))
			continue;
		without++;
		missing = ip_families[i];
	}
	if (without && without < families) {
		doctor_tell(doctor, DOCTOR_OK,
			    "the node has no default route of %s: by this family, pods "
			    "reach only what its other routes lead to",
			    ip_family_name(missing));
	} else if (without) {
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"the node has no default route: outside, pods reach only what "
			"its other routes lead to");
		doctor_advise(doctor,
			      "add one: ip route add default via ROUTER; where pods are "
			      "to reach nobody outside, set ipMasq to false");
	}
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
		if (network->masquerades)
			ways_out_look(doctor, network);
		doctor->network = NULL;
	}
}

/* The kernel keeps the routes of an interface that has lost its carrier, and nothing
 * leaves by them. */
void uplinks_check(struct doctor *doctor)
{
	unsigned int told = 0;

	for (size_t f = 0; f < IP_FAMILIES; f++) {
		_cleanup_(link_list_clear) struct link_list uplinks = {};

		if (uplink_list_get(doctor->rtnl, ip_families[f], &uplinks, NULL) < 0)
			continue;
		for (size_t i = 0; i < uplinks.n; i++) {
			const struct link *link = &uplinks.items[i];

			if (!link->up || link->carrier || link->index == told)
				continue;
			told = link->index;
			doctor_tell(doctor, DOCTOR_PROBLEM,
				    "%s, by which the node sends to the world, has no "
				    "carrier: nothing leaves by it",
				    link->name);
			doctor_advise(doctor, "see its cable, or the other end that it "
					      "leads to");
		}
	}
}
