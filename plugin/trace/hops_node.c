/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/text.h"
#include "hops.h"

/* ---- The port and the bridge ---- */

static const char *state_name(uint8_t state)
{
	static const char *const names[] = {
		[BR_STATE_DISABLED] = "disabled", [BR_STATE_LISTENING] = "listening",
		[BR_STATE_LEARNING] = "learning", [BR_STATE_FORWARDING] = "forwarding",
		[BR_STATE_BLOCKING] = "blocking",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

/* A port that is down, or that isn't the bridge's. Returns whether it is so. */
static bool port_fault_tell(struct doctor *doctor, const struct way *way)
{
	const struct link *port = &way->host_end;
	const char *name = way->pod->host_ifname;

	if (!port->index) {
		doctor_tell(doctor, bad(way), "the pod's interface %s is not on the node",
			    name);
		doctor_advise(doctor, "start the pod anew");
	} else if (!port->up) {
		doctor_tell(doctor, bad(way), "the pod's port %s is down", name);
		doctor_command(doctor, "ip", "link", "set", name, "up");
	} else if (way->pod->switch_kind == SWITCH_OVS) {
		doctor_tell(doctor, DOCTOR_OK,
			    "%s is up; `ovs-vsctl port-to-br %s` says on which bridge of "
			    "Open vSwitch it is",
			    name, name);
	} else if (!port->master || port->master != way->bridge.index) {
		doctor_tell(doctor, bad(way), "%s is no port of the bridge %s", name,
			    way->pod->bridge);
		doctor_repair(doctor, way->pod->file);
	} else if (port->port.state != BR_STATE_FORWARDING) {
		doctor_tell(doctor, bad(way), "the port %s of %s is %s, not forwarding",
			    name, way->pod->bridge, state_name(port->port.state));
		if (!way->bridge.up)
			doctor_command(doctor, "ip", "link", "set", way->pod->bridge,
				       "up");
		else
			doctor_command(doctor, "bridge", "link", "set", "dev", name,
				       "state", "3");
	} else if (way->bridge.bridge.filters_vlans && !way->vlan) {
		doctor_tell(doctor, bad(way),
			    "the port %s of %s takes no untagged frames: it has no VLAN "
			    "of its own",
			    name, way->pod->bridge);
		doctor_repair(doctor, way->pod->file);
	} else {
		return false;
	}
	return true;
}

void port_tell(struct doctor *doctor, const struct way *way)
{
	const struct link *port = &way->host_end;
	char vlan[24] = "";

	if (!way->leaves_by_attachment && way->pod_route.type == RTN_UNICAST)
		return;
	if (way->pod_route.type == RTN_LOCAL || port_fault_tell(doctor, way))
		return;
	if (way->bridge.bridge.filters_vlans)
		snprintf(vlan, sizeof(vlan), ", VLAN %u", way->vlan);
	doctor_tell(doctor, DOCTOR_OK, "%s is up, and a port of %s that forwards%s%s",
		    way->pod->host_ifname, way->pod->bridge, vlan,
		    port->port.isolated ? ", isolated from isolated ports" : "");
}

void bridge_tell(struct doctor *doctor, const struct way *way)
{
	const struct neighbour *hop = &way->pod_neighbour;
	const char *bridge = way->pod->bridge;

	if (!way->leaves_by_attachment)
		return;
	if (!way->bridge.index) {
		doctor_tell(doctor, bad(way), "there is no bridge %s", bridge);
		doctor_repair(doctor, way->pod->file);
	} else if (!way->bridge.up) {
		doctor_tell(doctor, bad(way), "the bridge %s is down", bridge);
		doctor_command(doctor, "ip", "link", "set", bridge, "up");
	} else if (!hop->mac.set) {
		return;
	} else if (way->pod->switch_kind == SWITCH_OVS) {
		doctor_tell(doctor, DOCTOR_OK,
			    "%s is Open vSwitch's, whose flows are not traced here; "
			    "`ovs-appctl fdb/show %s` says where it has %s",
			    bridge, bridge, MAC_TEXT(&hop->mac));
	} else if (way->behind.own) {
		doctor_tell(doctor, DOCTOR_OK, "%s gives frames for %s to the node",
			    bridge, MAC_TEXT(&hop->mac));
	} else if (!way->behind.index) {
		doctor_tell(doctor, DOCTOR_OK,
			    "%s doesn't know where %s is, and gives its frames to all "
			    "ports",
			    bridge, MAC_TEXT(&hop->mac));
	} else if (way->behind_link.port.isolated && way->host_end.port.isolated) {
		doctor_tell(
			doctor, bad(way),
			"%s has %s behind %s, which is isolated, as the pod's port is",
			bridge, MAC_TEXT(&hop->mac), way->behind_link.name);
		doctor_advise(doctor,
			      "set no portIsolation, and start both pods anew, if they "
			      "are to reach each other");
	} else if (!way->behind_link.up) {
		doctor_tell(doctor, bad(way), "%s has %s behind %s, which is down",
			    bridge, MAC_TEXT(&hop->mac), way->behind_link.name);
		doctor_command(doctor, "ip", "link", "set", way->behind_link.name, "up");
	} else {
		doctor_tell(doctor, DOCTOR_OK, "%s gives frames for %s to the port %s",
			    bridge, MAC_TEXT(&hop->mac), way->behind_link.name);
	}
}

/* ---- The node ---- */

static void forwarding_tell(struct doctor *doctor, const struct way *way)
{
	bool v4 = way->to.family == AF_INET;

	doctor_tell(doctor, bad(way),
		    "the node forwards no %s packets that come in by %s",
		    ip_family_name(way->to.family), way->pod->gateway_ifname);
	if (v4)
		doctor_command(doctor, "sysctl", "-w", "net/ipv4/ip_forward=1",
			       SYSCTL_WORD("net/ipv4/conf/%s/forwarding=1",
					   way->pod->gateway_ifname));
	else
		doctor_command(doctor, "sysctl", "-w", "net/ipv6/conf/all/forwarding=1");
}

static void refused_tell(struct doctor *doctor, const struct way *way, bool forwards)
{
	if (way->node_route.errnum == EHOSTUNREACH && !forwards) {
		forwarding_tell(doctor, way);
	} else {
		doctor_tell(doctor, bad(way), "the node has no way to %s: %s",
			    IP_TEXT(&way->to),
			    route_refusal_text(way->node_route.errnum));
		doctor_advise(doctor, "give the node a route to it");
	}
}

/* Does the node forward the family's packets that come in by the gateway's interface? */
static bool node_forwards(const struct way *way)
{
	const struct link *in = &way->gateway;

	if (way->to.family == AF_INET)
		return in->ipv4.forwarding != 0;
	return way->ipv6_forwards || in->ipv6.force_forwarding > 0;
}

static void out_tell(struct doctor *doctor, const struct way *way)
{
	const struct route_decision *route = &way->node_route;
	const char *tunnel = way_tunnel(&way->out);

	doctor_tell(doctor, DOCTOR_OK, "the node sends to %s by %s%s%s%s%s%s",
		    IP_TEXT(&way->to), way->out.name, tunnel ? ", a tunnel (" : "",
		    tunnel ? tunnel : "", tunnel ? ")" : "",
		    route->gateway.family ? ", by the gateway " : "",
		    route->gateway.family ? IP_TEXT(&route->gateway) : "");
}

/* The route that the bridge's address gives the node, once more: it is preferred to others
 * of the same subnet, and removes none. IPv6 prefers a route by its metric alone. */
static void way_back_command(struct doctor *doctor, const struct way *way)
{
	const struct trace_pod *pod = way->pod;

	for (size_t i = 0; i < pod->addresses_n; i++) {
		const struct ip_prefix subnet = prefix_network(&pod->addresses[i]);

		if (ip_equal(&pod->addresses[i].addr, &way->probe.flow.from))
			doctor_command(doctor, "ip", "route", "prepend",
				       PREFIX_TEXT(&subnet), "dev", pod->gateway_ifname,
				       subnet.addr.family == AF_INET ? NULL : "metric",
				       "1");
	}
	doctor_advise(
		doctor,
		"see which route or rule leads elsewhere: ip route get fibmatch %s, "
		"ip rule",
		IP_TEXT(&way->probe.flow.from));
}

/* The way of the answers leads elsewhere. rp_filter drops what the pod sends, then. */
static void way_back_tell(struct doctor *doctor, const struct way *way)
{
	doctor_tell(doctor, bad(way),
		    "the node's way back to %s leads by %s, and not by %s%s",
		    IP_TEXT(&way->probe.flow.from),
		    way->back_out.index ? way->back_out.name : "no interface",
		    way->pod->gateway_ifname,
		    way->rp_filtered ? ", so that rp_filter drops what the pod sends, too"
				     : "");
	way_back_command(doctor, way);
}

/* Was the packet seen to pass the node's own decision where it goes? */
static bool went_on(const struct way *way)
{
	const struct passage *ip = &way->on_node.passages[WATCH_SENT][TRACER_IP];

	return ip->entered[NF_INET_FORWARD] || ip->entered[NF_INET_LOCAL_IN];
}

void node_route_tell(struct doctor *doctor, const struct way *way)
{
	const struct route_decision *route = &way->node_route;
	bool forwards = node_forwards(way);

	if (!way->is_routed || way->end != WAY_SENT)
		return;
	/* A packet that was seen to go on needs no guess. Its target may be translated. */
	if ((route->errnum || !forwards) && went_on(way)) {
		doctor_tell(doctor, DOCTOR_OK, "the node has sent it on");
		return;
	}
	/* With rp_filter, the way back alone keeps the packet. */
	if (way->rp_filtered)
		way_back_tell(doctor, way);
	else if (route->errnum)
		refused_tell(doctor, way, forwards);
	else if (way_ends_at_node(way))
		doctor_tell(doctor, DOCTOR_OK, "%s is an address of the node",
			    IP_TEXT(&way->to));
	else if (route->type == RTN_BROADCAST)
		broadcast_tell(doctor, way, &way->to, "node");
	else if (!forwards)
		forwarding_tell(doctor, way);
	else if (!way->out.up) {
		doctor_tell(doctor, bad(way),
			    "the node's way to %s leads by %s, which is down",
			    IP_TEXT(&way->to), way->out.name);
		doctor_command(doctor, "ip", "link", "set", way->out.name, "up");
	} else {
		out_tell(doctor, way);
	}
	if (!way->rp_filtered &&
	    (way->back.errnum || way->back.out != way->gateway.index))
		way_back_tell(doctor, way);
}

void node_neighbour_tell(struct doctor *doctor, const struct way *way)
{
	const struct neighbour *found = &way->node_neighbour;
	const char *hop = way->node_route.gateway.family ? "the gateway " : "";

	if (!way->is_routed || !found->addr.family)
		return;
	if (found->mac.set && !(found->state & NUD_FAILED)) {
		doctor_tell(doctor, DOCTOR_OK, "%s%s on %s has the MAC address %s%s", hop,
			    IP_TEXT(&way->node_hop), way->out.name, MAC_TEXT(&found->mac),
			    found->permanent ? " (permanent)" : "");
	} else if (found->state & (NUD_FAILED | NUD_INCOMPLETE)) {
		doctor_tell(doctor, bad(way), "nobody on %s answers for %s%s",
			    way->out.name, hop, IP_TEXT(&way->node_hop));
		doctor_advise(doctor, "see whether %s is up, and on the link of %s",
			      IP_TEXT(&way->node_hop), way->out.name);
	}
}

/* ---- Connection tracking ---- */

static void translation_add(struct text *text, const char *what, const struct ip_addr *ip,
			    uint16_t port)
{
	text_add(text, port ? "%s %s, port %u" : "%s %s", what, IP_TEXT(ip), port);
}

void connection_tell(struct doctor *doctor, const struct way *way)
{
	const struct conntrack_entry *entry = &way->connection;
	const struct flow *flow = &way->probe.flow;
	bool is_translated = !ip_equal(&way->to, &flow->to) ||
			     way->to_port != flow->to_port;
	struct text text = {};

	if (way->end != WAY_SENT)
		return;
	if (!way->is_connection_seen) {
		doctor_tell(
			doctor, DOCTOR_OK,
			"not looked at: the kernel would load nf_conntrack_netlink for "
			"it, which --load allows");
		return;
	}
	if (!entry->exists)
		text_add(&text, "the node's connection tracking has no entry of it%s",
			 way->probe.outcome == PROBE_RESET
				 ? ": a reset ends one that was there"
				 : "");
	else
		text_add(&text, "the node tracks it");
	if (is_translated)
		translation_add(&text,
				entry->exists ? ", to be translated to"
					      : "; rules translate it to",
				&way->to, way->to_port);
	if (entry->exists && !ip_equal(&entry->reply_to, &flow->from))
		translation_add(&text, ", sent on as from", &entry->reply_to,
				entry->reply_to_port);
	else if (entry->exists && !is_translated)
		text_add(&text, ", not translated");
	if (entry->exists)
		text_add(&text, "%s", entry->answered ? ", answered" : ", not answered");
	if (text.failed)
		doctor->out_of_memory = true;
	else
		doctor_tell(doctor, DOCTOR_OK, "%s", text.text);
	free(text.text);
}
