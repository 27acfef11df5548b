/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node's routes and rules (ip-rule(8)) by which pods are reached, and by which what
 * they send leaves the node. The kernel is asked what becomes of a packet. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "checks.h"
#include "finding.h"
#include "plugin/netlink/route.h"
#include "plugin/netlink/route_lookup.h"
#include "plugin/node/uplink.h"

static const char *refusal(int errnum)
{
	switch (errnum) {
	case EACCES:
		return "is prohibited";
	case EINVAL:
		return "ends in a blackhole";
	case EHOSTUNREACH:
		return "ends in an unreachable route";
	case EXDEV:
		return "is dropped by rp_filter";
	}
	return "has no route";
}

/* The route of the main table that decides: the most specific one. */
static const struct kernel_route *deciding(const struct kernel_route_list *list,
					   const struct ip_addr *addr)
{
	const struct kernel_route *found = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct kernel_route *route = &list->items[i];

		if (route->route.table == RT_TABLE_MAIN &&
		    prefix_contains(&route->route.dst, addr) &&
		    (!found || route->route.dst.len > found->route.dst.len ||
		     (route->route.dst.len == found->route.dst.len &&
		      route->route.priority < found->route.priority)))
			found = route;
	}
	return found;
}

static const char *type_word(uint8_t type)
{
	switch (type) {
	case RTN_BLACKHOLE:
		return "blackhole ";
	case RTN_UNREACHABLE:
		return "unreachable ";
	case RTN_PROHIBIT:
		return "prohibit ";
	}
	return "";
}

/* The mend depends on what decides: a missing route, another one, or a rule. */
static void way_advise(struct doctor *doctor, const struct network_facts *facts,
		       const struct ip_prefix *address, const struct ip_prefix *subnet)
{
	const struct kernel_route *route;
	struct kernel_route_list list = {};

	if (route_list_get_all(facts->net->op->node.rtnl, subnet->addr.family, &list,
			       NULL) < 0)
		return;
	route = deciding(&list, &address->addr);
	if (!route || route->route.dst.len < subnet->len)
		doctor_repair_network(doctor);
	else if (route->index == facts->gateway->index)
		doctor_advise(doctor,
			      "see `ip rule`: a rule has another table decide before the "
			      "table main, which has the right route; remove that rule, "
			      "or give its table a route to %s dev %s",
			      PREFIX_TEXT(subnet), facts->gateway->name);
	else
		doctor_advise(doctor,
			      "the route \"%s%s\" decides: where no other program needs "
			      "it, remove it (ip route del %s%s), or choose another "
			      "subnet in ipam.ranges",
			      type_word(route->type), PREFIX_TEXT(&route->route.dst),
			      type_word(route->type), PREFIX_TEXT(&route->route.dst));
	kernel_route_list_clear(&list);
}

/* An address of a pod, whose gateway is there. */
struct reached {
	const struct shown_pod *pod;
	struct ip_prefix address, subnet;
};

static bool has_gateway(const struct network_facts *facts, const struct ip_addr *gateway)
{
	for (size_t i = 0; gateway->family && i < facts->gateways.n; i++)
		if (ip_equal(&facts->gateways.items[i].address.addr, gateway))
			return facts->gateways.items[i].present;
	return false;
}

/* Why the node refuses what the pod sends to the world, while the node itself reaches
 * that; 0: it does not. */
static int refuses_pod(const struct network_facts *facts, const struct ip_addr *pod)
{
	struct netlink *nl = facts->net->op->node.rtnl;
	int errnum = 0;

	for (size_t i = 0; i < WORLD_EXAMPLES; i++) {
		struct route_packet packet = {.to = *world_example(pod->family, i)};
		struct route_decision own = {}, its = {};

		if (route_lookup(nl, &packet, &own, NULL) < 0 || own.errnum)
			return 0;
		packet.from = *pod;
		packet.in = facts->gateway->index;
		if (route_lookup(nl, &packet, &its, NULL) < 0 || !its.errnum)
			return 0;
		errnum = its.errnum;
	}
	/* Without forwarding the kernel says the same as by an unreachable route. */
	if (errnum == EHOSTUNREACH && pod->family == AF_INET &&
	    facts->gateway->ipv4.forwarding == 0)
		return 0;
	return errnum;
}

static void refused_tell(struct doctor *doctor, const struct network_facts *facts,
			 const struct reached *reached, int errnum)
{
	const struct shown_pod *pod = reached->pod;

	doctor_tell(doctor,
		    facts->net->network->ip_masq ? DOCTOR_PROBLEM : DOCTOR_WARNING,
		    "what pod %s sends to the world from %s %s on the node, whose own "
		    "packets have a way there",
		    pod->pod[0] ? pod->pod : pod->container_id,
		    IP_TEXT(&reached->address.addr), refusal(errnum));
	doctor_advise(doctor,
		      "see `ip rule` for a rule about the pods' addresses or about %s: "
		      "remove it, or mend the routes of its table; leave it so, if pods "
		      "are to reach nobody outside",
		      facts->gateway->name);
}

/* The ways to pods by the addresses of one family. */
struct seen {
	struct reached fine, astray; /* the first one of each; no pod: there is none */
	struct route_decision way; /* of the latter */
	size_t others; /* that are astray as well */
};

static void astray_tell(struct doctor *doctor, const struct network_facts *facts,
			const struct seen *seen)
{
	const struct reached *first = &seen->astray;
	const struct route_decision *way = &seen->way;
	const struct shown_pod *pod = first->pod;
	char more[48] = "", where[64];
	struct link link = {};

	if (seen->others)
		snprintf(more, sizeof(more), ", and to %zu more", seen->others);
	if (way->errnum)
		snprintf(where, sizeof(where), "%s", refusal(way->errnum));
	else if (link_get_by_index(facts->net->op->node.rtnl, way->out, &link, NULL) ==
			 0 &&
		 link.index)
		snprintf(where, sizeof(where), "leads by %s", link.name);
	else
		snprintf(where, sizeof(where), "leads elsewhere");
	doctor_tell(doctor, DOCTOR_PROBLEM,
		    "the node's way to %s of pod %s%s %s, and not by %s: the node, and "
		    "whoever it forwards for, doesn't reach the pod",
		    IP_TEXT(&first->address.addr),
		    pod->pod[0] ? pod->pod : pod->container_id, more, where,
		    facts->gateway->name);
	way_advise(doctor, facts, &first->address, &first->subnet);
}

static void address_look(const struct network_facts *facts, const struct reached *reached,
			 struct seen *seen)
{
	const struct route_packet packet = {.to = reached->address.addr};
	struct route_decision way = {};

	if (route_lookup(facts->net->op->node.rtnl, &packet, &way, NULL) < 0)
		return;
	if (!way.errnum && way.out == facts->gateway->index) {
		seen->fine = *reached;
	} else if (seen->astray.pod) {
		seen->others++;
	} else {
		seen->astray = *reached;
		seen->way = way;
	}
}

static void pod_look(const struct network_facts *facts, const struct shown_pod *pod,
		     int family, struct seen *seen)
{
	const struct record *record;

	if (pod->state != IPAM_VIEW_CONNECTED || !pod->recorded || !pod->link)
		return;
	record = &pod->recorded->record;
	for (size_t i = 0; i < record->n; i++) {
		const struct ip_prefix *address = &record->addresses[i].address;
		const struct reached reached = {pod, *address, prefix_network(address)};

		if (address->addr.family == family &&
		    has_gateway(facts, &record->addresses[i].gateway))
			address_look(facts, &reached, seen);
	}
}

/* Where there is no bridge or gateway, or it is down, another check says so. */
void pod_routes_check(struct doctor *doctor, const struct network_facts *facts)
{
	if (!facts->net->network->is_gateway || !facts->gateway || !facts->gateway->up)
		return;
	for (size_t f = 0; f < IP_FAMILIES; f++) {
		struct seen seen = {};
		int errnum = 0;

		for (size_t i = 0; i < facts->pods.n; i++)
			pod_look(facts, &facts->pods.items[i], ip_families[f], &seen);
		if (seen.astray.pod)
			astray_tell(doctor, facts, &seen);
		if (seen.fine.pod)
			errnum = refuses_pod(facts, &seen.fine.address.addr);
		if (errnum)
			refused_tell(doctor, facts, &seen.fine, errnum);
	}
}
