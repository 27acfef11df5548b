/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace.h"

#include <stdio.h>

#include "hops.h"

static const char *const names[HOPS] = {
	[HOP_POD] = "pod",
	[HOP_POD_INTERFACE] = "pod-interface",
	[HOP_POD_ROUTE] = "pod-route",
	[HOP_POD_RULES] = "pod-rules",
	[HOP_PORT] = "port",
	[HOP_POD_NEIGHBOUR] = "pod-neighbour",
	[HOP_BRIDGE] = "bridge",
	[HOP_RULES] = "rules",
	[HOP_NODE_ROUTE] = "node-route",
	[HOP_NODE_NEIGHBOUR] = "node-neighbour",
	[HOP_CONNECTION] = "connection",
	[HOP_ANSWER] = "answer",
	[HOP_END] = "end",
};

static void hops_tell(struct doctor *doctor, const struct way *way)
{
	static void (*const tell[])(struct doctor *, const struct way *) = {
		[HOP_POD] = pod_tell,
		[HOP_POD_INTERFACE] = pod_interface_tell,
		[HOP_POD_ROUTE] = pod_route_tell,
		[HOP_POD_RULES] = pod_rules_tell,
		[HOP_PORT] = port_tell,
		[HOP_POD_NEIGHBOUR] = pod_neighbour_tell,
		[HOP_BRIDGE] = bridge_tell,
		[HOP_RULES] = rules_tell,
		[HOP_NODE_ROUTE] = node_route_tell,
		[HOP_NODE_NEIGHBOUR] = node_neighbour_tell,
		[HOP_CONNECTION] = connection_tell,
		[HOP_ANSWER] = answer_tell,
	};

	for (size_t i = 0; i < ARRAY_SIZE(tell); i++) {
		doctor->check = i;
		tell[i](doctor, way);
	}
	doctor->check = HOP_END;
	end_tell(doctor, way, names);
}

/* Nothing of the node sees what such a pod sends. */
static void past_tell(struct doctor *doctor, const struct trace_pod *pod)
{
	doctor_tell(doctor, DOCTOR_WARNING,
		    "%s of network %s has no interface on the node: what it sends goes "
		    "past the node's bridges, routes and rules, and can't be followed "
		    "here",
		    pod->pod[0] ? pod->pod : pod->container_id, pod->network);
	doctor_advise(doctor, "see `bridge-cni show` of the pod, and tcpdump on the "
			      "interface that its network shares");
}

static int pod_trace(struct trace *trace, struct doctor *doctor, struct cni_error *err)
{
	struct way way;
	int ret;

	way_init(&way);
	way.pod = trace_find(trace, doctor);
	if (!way.pod)
		return 0;
	if (!way.pod->host_ifname[0]) {
		past_tell(doctor, way.pod);
		return 0;
	}
	ret = way_open(&way, trace, err);
	if (ret == 0)
		ret = way_go(&way, trace, doctor->load, err);
	if (ret == 0)
		hops_tell(doctor, &way);
	way_clear(&way);
	return ret;
}

int trace_end(struct trace *trace, struct doctor *doctor, bool as_json)
{
	struct cni_error err = {};

	doctor->check = HOP_POD;
	if (pod_trace(trace, doctor, &err) < 0) {
		doctor_tell(doctor, DOCTOR_PROBLEM, "nothing could be traced: %s",
			    err.msg);
		doctor_advise(doctor, geteuid() == 0 ? "see bridge-cni show"
						     : "run doctor as root");
	}
	return findings_print(doctor, names, HOPS, as_json);
}
