/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and routes of others in the subnets of pods. A command removes one only where
 * the interface serves nobody: who works on the node may come by any other. */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "finding.h"
#include "in_use.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/route.h"
#include "plugin/node/uplink.h"

/* Names the interface, unless this program's pods are reached by it. */
static bool is_anothers(const struct doctor *doctor, unsigned int index,
			struct link *ret_link)
{
	return link_get_by_index(doctor->rtnl, index, ret_link, NULL) == 0 &&
	       ret_link->index && !ifname_is_networks(doctor, ret_link->name) &&
	       !link_is_agents_tunnel(ret_link);
}

static bool is_uplink(const struct doctor *doctor, int family, unsigned int index)
{
	_cleanup_(link_list_clear) struct link_list uplinks = {};

	if (uplink_list_get(doctor->rtnl, family, &uplinks, NULL) < 0)
		return true;
	for (size_t i = 0; i < uplinks.n; i++)
		if (uplinks.items[i].index == index)
			return true;
	return false;
}

/* Does the interface have its address from Docker, which starts containers on it later? */
static bool is_dockers(const struct link *link)
{
	return link_is(link, "bridge") &&
	       (strcmp(link->name, "docker0") == 0 || strncmp(link->name, "br-", 3) == 0);
}

/* A bridge of libvirt's, podman's or LXC's, likewise. */
static bool is_other_programs(const struct link *link)
{
	static const char *const names[] = {"virbr", "podman", "lxcbr", "lxdbr",
					    "incusbr"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(link->name, names[i], strlen(names[i])) == 0)
			return true;
	return is_dockers(link);
}

/* Does nobody use the interface: a bridge without ports, or one that is down? kube-proxy's
 * addresses of Services are on a dummy that is always down. */
static bool is_idle(const struct doctor *doctor, int family, const struct link *link)
{
	return (link_is(link, "bridge") || (!link->up && !link_is(link, "dummy"))) &&
	       !is_other_programs(link) && !link_in_use(doctor->rtnl, link) &&
	       !is_uplink(doctor, family, link->index);
}

static void subnet_advise(struct doctor *doctor, const struct link *link)
{
	if (is_dockers(link))
		doctor_advise(doctor,
			      "choose another subnet in ipam.ranges, or for Docker: bip "
			      "and default-address-pools in /etc/docker/daemon.json");
	else
		doctor_advise(doctor, "choose another subnet in ipam.ranges");
}

static void addresses_look(struct doctor *doctor, const struct ip_prefix *subnet)
{
	struct link_addr_list list = {};

	if (link_addr_list_get(doctor->rtnl, subnet->addr.family, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		struct ip_prefix its = prefix_network(&list.items[i].address);
		struct link link = {};

		if (!prefix_overlaps(&its, subnet) ||
		    !is_anothers(doctor, list.items[i].index, &link))
			continue;
		doctor_tell(
			doctor, DOCTOR_PROBLEM,
			"the subnet %s is on %s as well, by its address %s: packets to "
			"pods, or to its neighbours, go astray",
			PREFIX_TEXT(subnet), link.name,
			PREFIX_TEXT(&list.items[i].address));
		if (is_idle(doctor, subnet->addr.family, &link))
			doctor_command(doctor, "ip", "address", "del",
				       PREFIX_TEXT(&list.items[i].address), "dev",
				       link.name);
		subnet_advise(doctor, &link);
	}
	link_addr_list_clear(&list);
}

/* Is it a route through another node, as CNIs without tunnels make them for its pods, and
 * no program's configuration? Nothing that is the whole subnet is such a one. */
static bool is_former_nodes(const struct kernel_route *route,
			    const struct ip_prefix *subnet)
{
	return route->protocol == RTPROT_BOOT && route->route.gw.family &&
	       route->route.table == RT_TABLE_MAIN && route->route.dst.len > subnet->len;
}

static void route_tell(struct doctor *doctor, const struct kernel_route *route,
		       const struct ip_prefix *subnet, const struct link *link)
{
	char table[16];

	snprintf(table, sizeof(table), "%u", route->route.table);
	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "a route to %s, in the subnet %s, leads through %s: pods there "
		    "aren't reached",
		    PREFIX_TEXT(&route->route.dst), PREFIX_TEXT(subnet), link->name);
	if (is_idle(doctor, subnet->addr.family, link) ||
	    (is_former_nodes(route, subnet) && !link_in_use(doctor->rtnl, link)))
		doctor_command(doctor, "ip", "route", "del",
			       PREFIX_TEXT(&route->route.dst), "dev", link->name, "table",
			       table);
	subnet_advise(doctor, link);
}

static void refusal_tell(struct doctor *doctor, const struct kernel_route *route,
			 const struct ip_prefix *subnet)
{
	const char *type = route->type == RTN_BLACKHOLE	    ? "blackhole"
			   : route->type == RTN_UNREACHABLE ? "unreachable"
			   : route->type == RTN_PROHIBIT    ? "prohibit"
							    : "throw";

	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "a route of the type %s is for %s, in the subnet %s: pods there "
		    "aren't reached",
		    type, PREFIX_TEXT(&route->route.dst), PREFIX_TEXT(subnet));
	doctor_advise(doctor,
		      "where no other program needs the route, remove it (ip route del "
		      "%s %s table %u); otherwise choose another subnet in ipam.ranges",
		      type, PREFIX_TEXT(&route->route.dst), route->route.table);
}

/* Does the route of an address of the bridge go before this one? */
static bool is_behind_bridges(const struct doctor *doctor,
			      const struct kernel_route_list *list,
			      const struct kernel_route *route)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct kernel_route *other = &list->items[i];
		struct link link = {};

		if (other->protocol == RTPROT_KERNEL && other->type == RTN_UNICAST &&
		    other->route.table == route->route.table &&
		    other->route.dst.len == route->route.dst.len &&
		    ip_equal(&other->route.dst.addr, &route->route.dst.addr) &&
		    other->route.priority < route->route.priority &&
		    !is_anothers(doctor, other->index, &link))
			return true;
	}
	return false;
}

/* A wider route does no harm, as the bridge's own one is preferred. */
static void routes_look(struct doctor *doctor, const struct ip_prefix *subnet)
{
	struct kernel_route_list list = {};

	if (route_list_get_all(doctor->rtnl, subnet->addr.family, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		const struct kernel_route *route = &list.items[i];
		struct link link = {};

		if (route->protocol == RTPROT_KERNEL ||
		    route->route.table == RT_TABLE_LOCAL ||
		    route->route.dst.len < subnet->len ||
		    !prefix_contains(subnet, &route->route.dst.addr) ||
		    is_behind_bridges(doctor, &list, route))
			continue;
		if (route->type != RTN_UNICAST)
			refusal_tell(doctor, route, subnet);
		else if (is_anothers(doctor, route->index, &link))
			route_tell(doctor, route, subnet, &link);
	}
	kernel_route_list_clear(&list);
}

void subnets_check(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->networks.n; i++) {
		const struct doctor_network *network = &doctor->networks.items[i];

		/* The pods' subnet is that of their master, which has its address and
		 * route there. */
		if (!switch_has_bridge(network->switch_kind))
			continue;
		doctor->network = network->name;
		for (size_t k = 0; k < network->subnets.n; k++) {
			addresses_look(doctor, &network->subnets.items[k]);
			routes_look(doctor, &network->subnets.items[k]);
		}
		doctor->network = NULL;
	}
}
