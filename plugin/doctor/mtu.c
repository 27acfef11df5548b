/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MTU of the ways by which pods' packets leave the node. A default route, or the node
 * agent's route to another node's pods, leads by an interface, and may have an MTU of its
 * own. A tunnel of the agent's is narrower than the pods' interfaces: the pods' routes are
 * to say so.
 */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "finding.h"
#include "in_use.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/route.h"
#include "plugin/show/agent_facts.h"

#define WAYS_MAX     32
#define WAY_TEXT_MAX 256

/* Bytes that a tunnel adds to a packet. Over IPv4 they are fewer than over IPv6. */
#define VXLAN_ADDS     50
#define VXLAN6_ADDS    70
#define WIREGUARD_ADDS 60

struct way {
	struct link link;
	uint32_t mtu; /* of the interface or, where it is less, of the route */
};

struct ways {
	struct way
		items[WAYS_MAX]; /* each interface once; more of them aren't looked at */
	size_t n;
};

static void way_add(struct ways *ways, const struct link *link, uint32_t route_mtu)
{
	uint32_t mtu = route_mtu && route_mtu < link->mtu ? route_mtu : link->mtu;

	for (size_t i = 0; i < ways->n; i++)
		if (ways->items[i].link.index == link->index) {
			if (mtu < ways->items[i].mtu)
				ways->items[i].mtu = mtu;
			return;
		}
	if (ways->n < WAYS_MAX)
		ways->items[ways->n++] = (struct way){*link, mtu};
}

/* Ways out of the node, the agent's tunnels apart from them, and ways of other routes than
 * the default ones. */
struct outlets {
	struct ways ways, tunnels, others;
};

static bool is_default(const struct kernel_route *item)
{
	return item->route.table == RT_TABLE_MAIN && item->index &&
	       prefix_is_default(&item->route.dst);
}

/* Of default routes with several metrics the others aren't used. */
static uint32_t preferred(const struct kernel_route_list *routes)
{
	uint32_t priority = UINT32_MAX;

	for (size_t i = 0; i < routes->n; i++)
		if (is_default(&routes->items[i]) &&
		    routes->items[i].route.priority < priority)
			priority = routes->items[i].route.priority;
	return priority;
}

static void outlets_find(struct doctor *doctor, int family, struct outlets *outlets)
{
	struct kernel_route_list routes = {};
	uint32_t priority;

	if (route_list_get(doctor->rtnl, family, &routes, NULL) < 0)
		return;
	priority = preferred(&routes);
	for (size_t i = 0; i < routes.n; i++) {
		const struct kernel_route *item = &routes.items[i];
		bool is_agents = item->protocol == AGENT_ROUTE_PROTOCOL;
		struct link link = {};

		if (item->route.table != RT_TABLE_MAIN ||
		    (is_default(item) && item->route.priority != priority) ||
		    link_get_by_index(doctor->rtnl, item->index, &link, NULL) < 0 ||
		    !link.index || ifname_is_networks(doctor, link.name))
			continue;
		way_add(is_agents && link_is_agents_tunnel(&link) ? &outlets->tunnels
			: is_agents || is_default(item)		  ? &outlets->ways
								  : &outlets->others,
			&link, item->route.mtu);
	}
	kernel_route_list_clear(&routes);
}

static void ways_merge(struct ways *ways, const struct ways *more)
{
	for (size_t i = 0; i < more->n; i++)
		way_add(ways, &more->items[i].link, more->items[i].mtu);
}

/* Takes the ways of the network's families alone. A network without ranges may have
 * both. */
static void outlets_merge(const struct doctor_network *network,
			  const struct outlets by_family[IP_FAMILIES],
			  struct outlets *ret_outlets)
{
	for (size_t f = 0; f < IP_FAMILIES; f++) {
		bool has = network->subnets.n == 0;

		for (size_t i = 0; i < network->subnets.n; i++)
			has |= network->subnets.items[i].addr.family == ip_families[f];
		if (!has)
			continue;
		ways_merge(&ret_outlets->ways, &by_family[f].ways);
		ways_merge(&ret_outlets->tunnels, &by_family[f].tunnels);
		ways_merge(&ret_outlets->others, &by_family[f].others);
	}
}

/* Adds those that are narrower than @mtu to @text, as "eth0 1500, eth1 1400". Returns the
 * MTU of the narrowest; 0: all are as wide. */
static uint32_t narrower(const struct ways *ways, uint32_t mtu, char text[WAY_TEXT_MAX])
{
	uint32_t least = 0;
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ways->n; i++) {
		const struct way *way = &ways->items[i];

		if (way->mtu >= mtu)
			continue;
		if (!least || way->mtu < least)
			least = way->mtu;
		if (len < WAY_TEXT_MAX)
			len += snprintf(text + len, WAY_TEXT_MAX - len, "%s%s %u%s",
					len ? ", " : "", way->link.name, way->mtu,
					way->mtu < way->link.mtu ? " by its route" : "");
	}
	return least;
}

static void network_look(struct doctor *doctor, const struct doctor_network *network,
			 const struct link *bridge, const struct ways *ways)
{
	char text[WAY_TEXT_MAX], mtu[16];
	uint32_t least = narrower(ways, network->mtu, text);

	if (network->mtu && least) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "the key mtu is %u, and packets leave the node by less (%s): "
			    "large ones of pods are cut up, or lost",
			    network->mtu, text);
		doctor_advise(doctor, "set mtu to %u, or leave it out", least);
		return;
	}
	least = bridge->index && network->is_gateway ? narrower(ways, bridge->mtu, text)
						     : 0;
	if (!least)
		return;
	doctor_tell(doctor, DOCTOR_WARNING,
		    "the MTU of %s is %u, and packets leave the node by less (%s): large "
		    "ones of pods are cut up, or lost",
		    bridge->name, bridge->mtu, text);
	snprintf(mtu, sizeof(mtu), "%u", least);
	doctor_command(doctor, "ip", "link", "set", bridge->name, "mtu", mtu);
	doctor_advise(doctor,
		      "set the key mtu to %u for new pods; pods that run keep their MTU "
		      "until they are made anew",
		      least);
}

/* A way to some other network, such as a VPN's, may be narrower: the MTU of pods isn't
 * made for it. */
static void others_look(struct doctor *doctor, const struct doctor_network *network,
			const struct link *bridge, const struct ways *others)
{
	char text[WAY_TEXT_MAX];

	if (!bridge->index || !network->is_gateway ||
	    !narrower(others, bridge->mtu, text))
		return;
	doctor_tell(doctor, DOCTOR_OK,
		    "the MTU of %s is %u, and some routes of the node lead by less (%s), "
		    "which the node tells pods by ICMP",
		    bridge->name, bridge->mtu, text);
}

/* The node tells pods by ICMP what fits into a tunnel, which not all take notice of. */
static void pod_routes_look(struct doctor *doctor, const struct doctor_network *network,
			    const struct link *bridge, const struct ways *tunnels)
{
	uint32_t mtu = network->mtu ? network->mtu : bridge->mtu, least;
	char text[WAY_TEXT_MAX];

	if (network->route_mtu && network->route_mtu < mtu)
		mtu = network->route_mtu;
	least = network->gives_default_route ? narrower(tunnels, mtu, text) : 0;
	if (!least)
		return;
	doctor_tell(doctor, DOCTOR_WARNING,
		    "pods' default routes take packets of %u bytes, and the tunnel to "
		    "other nodes less (%s): large ones are cut up, or lost",
		    mtu, text);
	doctor_advise(doctor,
		      "set the member mtu of the default routes in ipam.routes to %u, as "
		      "the node agent does, for new pods",
		      least);
}

/* By which of its interfaces the node reaches another one isn't known: the widest counts. */
static uint32_t widest(struct doctor *doctor, const struct ways *ways)
{
	uint32_t mtu = 0;

	for (size_t i = 0; i < ways->n; i++)
		mtu = ways->items[i].mtu > mtu ? ways->items[i].mtu : mtu;
	for (size_t f = 0; f < IP_FAMILIES; f++) {
		struct link_addr_list list = {};

		if (link_addr_list_get(doctor->rtnl, ip_families[f], &list, NULL) < 0)
			continue;
		for (size_t i = 0; i < list.n; i++) {
			struct link link = {};

			if (link_get_by_index(doctor->rtnl, list.items[i].index, &link,
					      NULL) == 0 &&
			    strcmp(link.name, "lo") != 0 &&
			    !link_is_agents_tunnel(&link) &&
			    !ifname_is_networks(doctor, link.name) && link.mtu > mtu)
				mtu = link.mtu;
		}
		link_addr_list_clear(&list);
	}
	return mtu;
}

static uint32_t tunnel_adds(const struct link *tunnel)
{
	size_t len = strlen(tunnel->name);

	if (!link_is(tunnel, "vxlan"))
		return WIREGUARD_ADDS;
	return len && tunnel->name[len - 1] == '6' ? VXLAN6_ADDS : VXLAN_ADDS;
}

/* No tunnel has less than IPv6 needs. */
static void tunnels_look(struct doctor *doctor, const struct ways *ways,
			 const struct ways *tunnels)
{
	uint32_t under = widest(doctor, ways);

	for (size_t i = 0; i < tunnels->n; i++) {
		const struct link *tunnel = &tunnels->items[i].link;
		uint32_t adds = tunnel_adds(tunnel);
		char mtu[16];

		if (!under || tunnel->mtu + adds <= under)
			continue;
		doctor_tell(doctor, DOCTOR_WARNING,
			    "the tunnel %s takes packets of %u bytes and adds %u, and no "
			    "interface to other nodes has an MTU of more than %u: large "
			    "packets of pods are cut up, or lost",
			    tunnel->name, tunnel->mtu, adds, under);
		snprintf(mtu, sizeof(mtu), "%u", under > adds ? under - adds : under);
		doctor_command(doctor, "ip", "link", "set", tunnel->name, "mtu", mtu);
		doctor_advise(doctor, "start the node agent, which does so");
	}
}

void mtu_check(struct doctor *doctor)
{
	struct outlets by_family[IP_FAMILIES] = {}, all = {};

	for (size_t f = 0; f < IP_FAMILIES; f++) {
		outlets_find(doctor, ip_families[f], &by_family[f]);
		ways_merge(&all.ways, &by_family[f].ways);
		ways_merge(&all.tunnels, &by_family[f].tunnels);
	}
	for (size_t i = 0; i < doctor->networks.n; i++) {
		const struct doctor_network *network = &doctor->networks.items[i];
		struct outlets outlets = {};
		struct link bridge = {};

		/* Pods send by their master, past the node's routes. */
		if (!switch_has_bridge(network->switch_kind))
			continue;
		(void)link_get(doctor->rtnl, network->bridge, &bridge, NULL);
		outlets_merge(network, by_family, &outlets);
		doctor->network = network->name;
		network_look(doctor, network, &bridge, &outlets.ways);
		others_look(doctor, network, &bridge, &outlets.others);
		pod_routes_look(doctor, network, &bridge, &outlets.tunnels);
		doctor->network = NULL;
	}
	tunnels_look(doctor, &all.ways, &all.tunnels);
}
