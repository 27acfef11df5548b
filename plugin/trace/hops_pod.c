/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "hops.h"

const char *target_text(const struct ip_addr *to, uint16_t port,
			char buf[TARGET_TEXT_MAX])
{
	if (port)
		snprintf(buf, TARGET_TEXT_MAX, "%s, TCP port %u", IP_TEXT(to), port);
	else
		ip_format(to, buf);
	return buf;
}

void pod_tell(struct doctor *doctor, const struct way *way)
{
	const struct trace_pod *pod = way->pod;
	const struct flow *flow = &way->probe.flow;

	doctor_tell(doctor, DOCTOR_OK,
		    "%s%scontainer %s, interface %s of network %s, %s %s%s%s", pod->pod,
		    pod->pod[0] ? ", " : "", pod->container_id, pod->ifname, pod->network,
		    flow->to_port ? "connects to" : "pings",
		    TARGET_TEXT(&flow->to, flow->to_port),
		    flow->from.family ? ", from " : "",
		    flow->from.family ? IP_TEXT(&flow->from) : "");
}

/* ip link set IFNAME up, in the pod. */
static void up_command(struct doctor *doctor, const struct way *way)
{
	char net[PATH_MAX];

	snprintf(net, sizeof(net), "--net=%s", way->pod->netns);
	doctor_command(doctor, "nsenter", net, "ip", "link", "set", way->inside.name,
		       "up");
}

void pod_interface_tell(struct doctor *doctor, const struct way *way)
{
	const struct link *inside = &way->inside;

	if (!inside->index) {
		doctor_tell(doctor, bad(way), "%s is not in the pod any more",
			    way->pod->ifname);
		doctor_advise(doctor, "start the pod anew");
	} else if (!inside->up) {
		doctor_tell(doctor, bad(way), "%s in the pod is down", inside->name);
		up_command(doctor, way);
	} else if (!inside->carrier) {
		doctor_tell(doctor, way_came_through(way) ? DOCTOR_OK : DOCTOR_WARNING,
			    "%s in the pod has no carrier: its other end is down",
			    inside->name);
	} else {
		doctor_tell(doctor, DOCTOR_OK, "%s is up, %s, MTU %u", inside->name,
			    MAC_TEXT(&inside->mac), inside->mtu);
	}
}

const char *route_refusal_text(int errnum)
{
	switch (errnum) {
	case ENETUNREACH:
		return "no route leads there";
	case EHOSTUNREACH:
		return "its route says unreachable, or there is none";
	case EACCES:
		return "its route prohibits it";
	}
	return "its route is a blackhole, or an address of it can't be sent to";
}

void broadcast_tell(struct doctor *doctor, const struct way *way,
		    const struct ip_addr *to, const char *whose)
{
	doctor_tell(doctor, bad(way), "%s is the broadcast address of a subnet of the %s",
		    IP_TEXT(to), whose);
	doctor_advise(doctor, "name the address of one host");
}

void pod_route_tell(struct doctor *doctor, const struct way *way)
{
	const struct route_decision *route = &way->pod_route;

	if (route->errnum) {
		doctor_tell(doctor, bad(way), "in the pod, %s",
			    route_refusal_text(route->errnum));
		doctor_advise(
			doctor,
			route->errnum == ENETUNREACH
				? "give the network a route there (isDefaultGateway, "
				  "or ipam.routes), and start the pod anew"
				: "remove that route from the pod");
	} else if (!way->probe.flow.from.family) {
		doctor_tell(doctor, bad(way), "the pod has no address to send from");
		doctor_advise(doctor, "start the pod anew");
	} else if (route->type == RTN_BROADCAST) {
		broadcast_tell(doctor, way, &way->probe.flow.to, "pod");
	} else if (route->type != RTN_UNICAST) {
		doctor_tell(doctor, DOCTOR_OK, "the address is the pod's own");
	} else if (!way->leaves_by_attachment) {
		doctor_tell(doctor, DOCTOR_OK,
			    "it leaves the pod by %s, and not by %s; from there its way "
			    "isn't followed",
			    way->inside.name, way->pod->ifname);
	} else {
		doctor_tell(doctor, DOCTOR_OK, "%s%s by %s",
			    route->gateway.family ? "to the gateway " : "on the link",
			    route->gateway.family ? IP_TEXT(&route->gateway) : "",
			    way->inside.name);
	}
}

void pod_neighbour_tell(struct doctor *doctor, const struct way *way)
{
	const struct neighbour *found = &way->pod_neighbour;
	const char *asks = way->pod_hop.family == AF_INET ? "ARP" : "neighbour discovery";
	const char *hop = way->pod_route.gateway.family ? "the gateway " : "";

	if (!way->leaves_by_attachment || way->end != WAY_SENT)
		return;
	if (found->addr.family && found->mac.set && !(found->state & NUD_FAILED)) {
		doctor_tell(doctor, DOCTOR_OK, "%s%s has the MAC address %s%s", hop,
			    IP_TEXT(&way->pod_hop), MAC_TEXT(&found->mac),
			    found->permanent ? " (permanent)" : "");
	} else if (found->addr.family && found->state & (NUD_FAILED | NUD_INCOMPLETE)) {
		doctor_tell(doctor, way->rp_filtered ? DOCTOR_WARNING : bad(way),
			    "nobody answers the pod's %s for %s%s: no packet has left",
			    asks, hop, IP_TEXT(&way->pod_hop));
		if (way->is_routed || !way->pod_route.gateway.family)
			doctor_advise(doctor,
				      "see whether there is such a pod (bridge-cni show "
				      "%s), and whether a rule drops its frames",
				      IP_TEXT(&way->pod_hop));
		else
			doctor_repair(doctor, way->pod->file);
	} else {
		doctor_tell(doctor, DOCTOR_OK, "%s%s was not asked for", hop,
			    IP_TEXT(&way->pod_hop));
	}
}
