/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells what was seen at each hop, in the doctor's manner. */
#ifndef BRIDGE_CNI_PLUGIN_TRACE_HOPS_H
#define BRIDGE_CNI_PLUGIN_TRACE_HOPS_H

#include "plugin/doctor/finding.h"
#include "way.h"

/* The lines of the output, in their order. trace.c has their names. */
enum hop {
	HOP_POD,
	HOP_POD_INTERFACE,
	HOP_POD_ROUTE,
	HOP_POD_RULES,
	HOP_PORT,
	HOP_POD_NEIGHBOUR,
	HOP_BRIDGE,
	HOP_RULES,
	HOP_NODE_ROUTE,
	HOP_NODE_NEIGHBOUR,
	HOP_CONNECTION,
	HOP_ANSWER,
	HOP_END,
	HOPS
};

/* hops_pod.c: in the pod. */
void pod_tell(struct doctor *doctor, const struct way *way);
void pod_interface_tell(struct doctor *doctor, const struct way *way);
void pod_route_tell(struct doctor *doctor, const struct way *way);
void pod_neighbour_tell(struct doctor *doctor, const struct way *way);

/* hops_node.c: on the node. */
void port_tell(struct doctor *doctor, const struct way *way);
void bridge_tell(struct doctor *doctor, const struct way *way);
void node_route_tell(struct doctor *doctor, const struct way *way);
void node_neighbour_tell(struct doctor *doctor, const struct way *way);
void connection_tell(struct doctor *doctor, const struct way *way);

/* hops_rules.c: nftables, in the pod and on the node. */
void pod_rules_tell(struct doctor *doctor, const struct way *way);
void rules_tell(struct doctor *doctor, const struct way *way);

/* hops_end.c: what came back, and where it ended, by what was told of the hops. @names:
 * of the hops. */
void answer_tell(struct doctor *doctor, const struct way *way);
void end_tell(struct doctor *doctor, const struct way *way, const char *const *names);

/* A route says that the target is no host. @whose: "pod", "node". */
void broadcast_tell(struct doctor *doctor, const struct way *way,
		    const struct ip_addr *to, const char *whose);

/* hops_pod.c: what a route says by which the kernel refuses a packet, in the pod or on the
 * node. */
const char *route_refusal_text(int errnum);

/* "10.96.0.1, TCP port 443", for a sentence. */
#define TARGET_TEXT_MAX (IP_TEXT_MAX + 24)
const char *target_text(const struct ip_addr *to, uint16_t port,
			char buf[TARGET_TEXT_MAX]);
#define TARGET_TEXT(to, port) target_text((to), (port), (char[TARGET_TEXT_MAX]){})

/* The level of what keeps packets from coming through: none did, if they came through. */
static inline enum doctor_level bad(const struct way *way)
{
	return way_came_through(way) ? DOCTOR_OK : DOCTOR_PROBLEM;
}

#endif
