/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of the traced packets, as the kernel has it: what is asked before they are sent,
 * what came of them, and what is asked afterwards. */
#ifndef BRIDGE_CNI_PLUGIN_TRACE_WAY_H
#define BRIDGE_CNI_PLUGIN_TRACE_WAY_H

#include "find.h"
#include "flow_probe.h"
#include "plugin/netlink/conntrack_entry.h"
#include "plugin/netlink/fdb.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/neighbour.h"
#include "plugin/netlink/route_lookup.h"
#include "plugin/node/pod_ns.h"
#include "watch.h"

/*
 * So long an answer is waited for. After 3 seconds the kernel gives up to ask for a
 * neighbour, and whoever has asked in vain sends an error of ICMP.
 */
#define WAIT_MS 4000
/* So long where the rules have dropped the packet: whoever rejects it says so at once. */
#define WAIT_DROPPED_MS 500

enum way_end {
	WAY_SENT, /* or the pod's kernel has refused to */
	WAY_NOT_SENT, /* there is no route, or its interface is down */
};

struct way {
	const struct trace_pod *pod; /* borrowed */
	struct node node;
	struct pod_ns pod_ns;

	/* In the pod, before anything is sent. */
	struct route_decision pod_route;
	struct link inside; /* that the route leads by; index 0: it is gone */
	struct ip_addr pod_hop; /* the next hop: a gateway, or the target itself */
	bool leaves_by_attachment; /* and not by another interface of the pod, or by none */

	enum way_end end;
	struct flow_probe probe;
	struct watch in_pod, on_node;

	/* Afterwards. */
	/* Rules in the pod, such as a service mesh's, have translated the target to these. */
	bool pod_translates;
	struct ip_addr pod_to; /* without them the target */
	uint16_t pod_to_port;
	struct neighbour pod_neighbour; /* of the next hop; addr.family 0: none */
	struct link host_end, bridge; /* index 0: there is none */
	struct link gateway; /* the interface that pods' packets come in by */
	bool ipv6_forwards; /* the node, of all interfaces */
	/* The node drops what comes from the pod, as its own way there leads elsewhere. It
	 * answers no ARP of the pod then, either. */
	bool rp_filtered;
	uint16_t vlan; /* of the port; 0: none */
	struct fdb_entry behind; /* where the bridge has the next hop's MAC address */
	struct link behind_link; /* that port */
	bool is_routed; /* the node gets the packet, and doesn't only bridge it */
	bool is_connection_seen;
	struct conntrack_entry connection;
	struct ip_addr to; /* the target, or to whom it is translated */
	uint16_t to_port;
	struct route_decision node_route, back; /* to @to, and to the pod */
	struct link out, back_out; /* by which they lead */
	struct ip_addr node_hop;
	struct neighbour node_neighbour;
};

void way_init(struct way *way);
void way_clear(struct way *way);

/*
 * Opens the node and the pod's namespace, and looks how the pod sends to the target. The
 * attachment is @way->pod, which becomes another one of the same pod where that sends.
 * Codes 3, 4, 8, 101.
 */
int way_open(struct way *way, const struct trace *trace, struct cni_error *err);

/* Sends, waits, and looks at all that is on the way. Codes 5, 101. */
int way_go(struct way *way, const struct trace *trace, bool may_load,
	   struct cni_error *err);

/* Is the target, as the node sees it, an address of the node? */
bool way_ends_at_node(const struct way *way);

/* "VXLAN", "WireGuard"; NULL: the interface is no tunnel. */
const char *way_tunnel(const struct link *out);

/* Did the target answer? */
bool way_came_through(const struct way *way);

/* Did the target itself refuse it, and no rule on the way? */
bool way_is_refused(const struct way *way);

#endif
