/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel parameters that pods depend on. The names in commands have slashes, because an
 * interface's name may have a dot. */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>

#include "checks.h"
#include "finding.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/route.h"
#include "plugin/node/accept_ra.h"
#include "plugin/node/sysctl.h"
#include "plugin/node/uplink.h"
#include "plugin/stage/forwarding.h"

#define FULL_PERCENT 90 /* from here on a table is nearly full */

static size_t pods_of(const struct doctor *doctor)
{
	size_t pods = 0;

	for (size_t i = 0; i < doctor->networks.n; i++)
		pods += doctor->networks.items[i].connected;
	return pods;
}

/* Has a network that the node routes for a subnet of that family, or any where @any? */
static bool is_routed_for(const struct doctor *doctor, int family)
{
	for (size_t i = 0; i < doctor->networks.n; i++) {
		const struct doctor_network *network = &doctor->networks.items[i];

		for (size_t k = 0; network->is_gateway && k < network->subnets.n; k++)
			if (network->subnets.items[k].addr.family == family)
				return true;
	}
	return false;
}

/* Where nothing can be written, each parameter that isn't right already is trouble. */
static bool is_read_only(void)
{
	const char *elsewhere = getenv(SYSCTL_ROOT_ENV);
	struct statvfs fs;

	return !(elsewhere && *elsewhere) && statvfs(SYSCTL_ROOT, &fs) == 0 &&
	       fs.f_flag & ST_RDONLY;
}

void proc_sys_check(struct doctor *doctor)
{
	if (!is_read_only())
		return;
	doctor_tell(
		doctor, DOCTOR_PROBLEM,
		"/proc/sys is read-only: an ADD fails where a parameter has to be set "
		"(forwarding, accept_ra of a bridge)");
	doctor_command(doctor, "mount", "-o", "remount,bind,rw", "/proc/sys");
	doctor_advise(doctor, "name a mount that can be written by " SYSCTL_ROOT_ENV);
}

static void all_check(struct doctor *doctor, int family)
{
	const char *name = family == AF_INET ? "net/ipv4/ip_forward"
					     : "net/ipv6/conf/all/forwarding";
	struct cni_error err = {};
	bool on = true;

	if (forwarding_all_get(doctor->rtnl, family, &on, &err) < 0) {
		doctor_tell(doctor, DOCTOR_PROBLEM, "%s", err.msg);
		doctor_advise(doctor, "remove the family's ranges, or boot with it");
	} else if (!on && (pods_of(doctor) > 0 || is_read_only())) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "/proc/sys/%s is 0: the node forwards no packet of a pod",
			    name);
		doctor_command(doctor, "sysctl", "-w", SYSCTL_WORD("%s=1", name));
	} else if (!on) {
		doctor_tell(doctor, DOCTOR_OK,
			    "/proc/sys/%s is 0, which the first ADD changes", name);
	}
}

void forwarding_closed_tell(struct doctor *doctor, const char *ifname, const char *why)
{
	doctor_tell(doctor, DOCTOR_PROBLEM, "%s is 0: %s", FORWARDING_NAME(ifname), why);
	doctor_command(doctor, "sysctl", "-w",
		       SYSCTL_WORD("net/ipv4/conf/%s/forwarding=1", ifname));
}

void forwarding_check_node(struct doctor *doctor)
{
	struct cni_error err = {};
	_cleanup_(link_list_clear) struct link_list closed = {};
	bool on = false;

	for (size_t f = 0; f < IP_FAMILIES; f++)
		if (is_routed_for(doctor, ip_families[f]))
			all_check(doctor, ip_families[f]);
	if (!is_routed_for(doctor, AF_INET))
		return;
	if (forwarding_closed_uplinks(doctor->rtnl, &closed, &err) < 0)
		doctor_unseen(doctor, "uplinks", &err);
	for (size_t i = 0; i < closed.n; i++)
		forwarding_closed_tell(
			doctor, closed.items[i].name,
			"what comes back to pods by the uplink is dropped");
	pod_ways_look(doctor, &closed);
	/* While the switch for all is off, that of a bridge says nothing of its own. */
	if (forwarding_all_get(doctor->rtnl, AF_INET, &on, NULL) < 0 || !on)
		return;
	for (size_t i = 0; i < doctor->networks.n; i++) {
		const struct doctor_network *network = &doctor->networks.items[i];
		struct link link = {};

		if (network->is_gateway && network->connected > 0 &&
		    link_get(doctor->rtnl, network->gateway_ifname, &link, NULL) == 0 &&
		    link.index && link.ipv4.forwarding == 0)
			forwarding_closed_tell(doctor, link.name,
					       "what pods send by the bridge is dropped");
	}
}

#define WAYS_MAX 16

/* The interfaces of the node's default routes of IPv4, each once. */
struct ways_out {
	struct {
		unsigned int index;
		uint32_t table, priority; /* of its most preferred one */
	} items[WAYS_MAX];
	size_t n;
};

static void way_out_add(struct ways_out *ways, const struct kernel_route *route)
{
	uint32_t table = route->route.table, priority = route->route.priority;
	size_t i = 0;

	while (i < ways->n && ways->items[i].index != route->index)
		i++;
	if (i == WAYS_MAX)
		return;
	if (i == ways->n) {
		ways->n++;
	} else if (ways->items[i].table == RT_TABLE_MAIN &&
		   (table != RT_TABLE_MAIN || ways->items[i].priority <= priority)) {
		return;
	}
	ways->items[i].index = route->index;
	ways->items[i].table = table;
	ways->items[i].priority = priority;
}

static void ways_out_find(struct doctor *doctor, struct ways_out *ways)
{
	struct kernel_route_list routes = {};

	if (route_list_get(doctor->rtnl, AF_INET, &routes, NULL) < 0)
		return;
	for (size_t i = 0; i < routes.n; i++)
		if (prefix_is_default(&routes.items[i].route.dst) &&
		    routes.items[i].index)
			way_out_add(ways, &routes.items[i]);
	kernel_route_list_clear(&routes);
}

/* Do answers leave by way @nr? Of the main table's default routes the one with the lowest
 * metric is used, or several that share it. */
static bool is_used(const struct ways_out *ways, size_t nr)
{
	if (ways->items[nr].table != RT_TABLE_MAIN)
		return false;
	for (size_t i = 0; i < ways->n; i++)
		if (ways->items[i].table == RT_TABLE_MAIN &&
		    ways->items[i].priority < ways->items[nr].priority)
			return false;
	return true;
}

/* Tells of packets that come in by one uplink while answers would leave by another
 * one: rp_filter drops them. What comes in by the uplink that answers leave by passes. */
void rp_filter_check(struct doctor *doctor)
{
	struct ways_out ways = {};
	int all = 0;

	ways_out_find(doctor, &ways);
	if (ways.n < 2 || sysctl_get(&all, NULL, "ipv4/conf/all/rp_filter") != 0)
		return;
	for (size_t i = 0; i < ways.n; i++) {
		struct link link = {};
		int own = 0;

		if (is_used(&ways, i) ||
		    link_get_by_index(doctor->rtnl, ways.items[i].index, &link, NULL) <
			    0 ||
		    !link.index ||
		    sysctl_get(&own, NULL, "ipv4/conf/%s/rp_filter", link.name) != 0 ||
		    (all > own ? all : own) != 1)
			continue;
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"rp_filter of %s is 1 (strict), and the node has %zu uplinks: "
			"what comes by another one than answers leave by is dropped",
			link.name, ways.n);
		doctor_command(doctor, "sysctl", "-w",
			       SYSCTL_WORD("net/ipv4/conf/%s/rp_filter=2", link.name));
	}
}

/* The kernel drops a packet that comes in with an address of the node itself, unless
 * accept_local of all interfaces or of this one is on. */
void accept_local_check(struct doctor *doctor)
{
	int all = 0;

	if (sysctl_get(&all, NULL, "ipv4/conf/all/accept_local") != 0)
		return;
	for (size_t i = 0; i < doctor->networks.n; i++) {
		const struct doctor_network *network = &doctor->networks.items[i];
		int own = 0;

		if (!network->is_gateway ||
		    sysctl_get(&own, NULL, "ipv4/conf/%s/accept_local",
			       network->gateway_ifname) != 0 ||
		    (!all && !own))
			continue;
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"accept_local of %s is 1: the node takes what a pod sends with an "
			"address of the node as its source",
			all ? "all interfaces" : network->gateway_ifname);
		doctor_command(doctor, "sysctl", "-w",
			       SYSCTL_WORD("net/ipv4/conf/%s/accept_local=0",
					   all ? "all" : network->gateway_ifname));
		if (all)
			return;
	}
}

static void arp_of(struct doctor *doctor, const char *ifname)
{
	int all = 0, own = 0;

	if (sysctl_get(&all, NULL, "ipv4/conf/all/arp_ignore") != 0 ||
	    sysctl_get(&own, NULL, "ipv4/conf/%s/arp_ignore", ifname) != 0)
		return;
	if (all != 8 && own != 8)
		return;
	doctor_tell(
		doctor, DOCTOR_PROBLEM,
		"arp_ignore of %s is 8: the node doesn't answer pods that ask for the "
		"gateway",
		ifname);
	if (all == 8)
		doctor_command(doctor, "sysctl", "-w", "net/ipv4/conf/all/arp_ignore=0",
			       SYSCTL_WORD("net/ipv4/conf/%s/arp_ignore=0", ifname));
	else
		doctor_command(doctor, "sysctl", "-w",
			       SYSCTL_WORD("net/ipv4/conf/%s/arp_ignore=0", ifname));
}

/* A bridge that isn't there yet takes over what conf/default has. */
void arp_ignore_check(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->networks.n; i++) {
		const struct doctor_network *network = &doctor->networks.items[i];
		struct link link = {};

		if (!network->is_gateway || !is_routed_for(doctor, AF_INET) ||
		    link_get(doctor->rtnl, network->gateway_ifname, &link, NULL) < 0)
			continue;
		arp_of(doctor, link.index ? network->gateway_ifname : "default");
	}
}

/* A node that forwards takes no advertisement where accept_ra is 1. */
static void uplinks_keep_routes(struct doctor *doctor)
{
	struct kernel_route_list routes = {};

	if (route_list_get(doctor->rtnl, AF_INET6, &routes, NULL) < 0)
		return;
	for (size_t i = 0; i < routes.n; i++) {
		struct link link = {};

		if (routes.items[i].protocol != RTPROT_RA ||
		    !prefix_is_default(&routes.items[i].route.dst) ||
		    link_get_by_index(doctor->rtnl, routes.items[i].index, &link, NULL) <
			    0 ||
		    link.ipv6.accept_ra != 1 || link.ipv6.forwarding <= 0)
			continue;
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"accept_ra of %s is 1 while the node forwards IPv6: its default "
			"route is from a router advertisement, and ends with it",
			link.name);
		doctor_command(doctor, "sysctl", "-w",
			       SYSCTL_WORD("net/ipv6/conf/%s/accept_ra=2", link.name));
	}
	kernel_route_list_clear(&routes);
}

void accept_ra_check(struct doctor *doctor)
{
	struct cni_error err = {};

	/* An ordinary user may write no parameter, which says nothing of what ADD may. */
	if (doctor->networks.n > 0 && (geteuid() == 0 || is_read_only()) &&
	    accept_ra_status(&err) < 0) {
		doctor_tell(doctor, DOCTOR_PROBLEM, "%s", err.msg);
		doctor_advise(doctor, "set net.ipv6.conf.default.accept_ra to 0");
	}
	for (size_t i = 0; i < doctor->networks.n; i++) {
		struct link link = {};

		if (link_get(doctor->rtnl, doctor->networks.items[i].bridge, &link,
			     NULL) < 0 ||
		    !link.index || link.ipv6.accept_ra <= 0)
			continue;
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"accept_ra of %s is %d: a pod's router advertisement may give "
			"the node a route",
			link.name, link.ipv6.accept_ra);
		doctor_command(doctor, "sysctl", "-w",
			       SYSCTL_WORD("net/ipv6/conf/%s/accept_ra=0", link.name));
	}
	if (is_routed_for(doctor, AF_INET6))
		uplinks_keep_routes(doctor);
}

/* A table of the kernel that has one entry or more for each pod. */
static const struct threshold {
	const char *name, *what;
} thresholds[] = {
	{"ipv4/neigh/default/gc_thresh3", "neighbours of IPv4: pods lose theirs"},
	{"ipv6/neigh/default/gc_thresh3", "neighbours of IPv6: pods lose theirs"},
	{"core/netdev_max_backlog", "packets that wait: an ARP request, which goes to "
				    "every pod of a bridge, is lost"},
};

void limits_check(struct doctor *doctor)
{
	size_t pods = pods_of(doctor);
	int count, max;

	if (sysctl_get(&count, NULL, "netfilter/nf_conntrack_count") == 0 &&
	    sysctl_get(&max, NULL, "netfilter/nf_conntrack_max") == 0 && max > 0 &&
	    (int64_t)count * 100 >= (int64_t)max * FULL_PERCENT) {
		doctor_tell(doctor, count >= max ? DOCTOR_PROBLEM : DOCTOR_WARNING,
			    "the connection table has %d of %d entries: new connections "
			    "are dropped once it is full",
			    count, max);
		doctor_command(doctor, "sysctl", "-w",
			       SYSCTL_WORD("net/netfilter/nf_conntrack_max=%u",
					   max * 2U));
	}
	for (size_t i = 0; i < ARRAY_SIZE(thresholds); i++) {
		const struct threshold *threshold = &thresholds[i];

		if (sysctl_get(&max, NULL, "%s", threshold->name) != 0 || max < 0 ||
		    (size_t)max >= pods)
			continue;
		doctor_tell(doctor, DOCTOR_WARNING,
			    "net/%s is %d, and there are %zu pods: too few %s",
			    threshold->name, max, pods, threshold->what);
		doctor_command(doctor, "sysctl", "-w",
			       SYSCTL_WORD("net/%s=%zu", threshold->name, pods * 4));
	}
}
