/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what the node agent says of itself (bridge-cni-agent(8), PAGES), and the
 * routes to other nodes' pods that the kernel has from it. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_AGENT_FACTS_H
#define BRIDGE_CNI_PLUGIN_SHOW_AGENT_FACTS_H

#include "conf/base/addr.h"
#include "conf/json/json_write.h"

#define AGENT_ROUTE_PROTOCOL 98 /* of its routes (ip route show proto 98) */

struct agent_metric {
	const char *name; /* without "bridge_cni_" */
	double value;
};

struct agent_route {
	struct ip_prefix to;
	struct ip_addr via; /* family 0: none */
	char device[16], kind[16];
};

/* Begins as zeros. */
struct agent_facts {
	bool answers; /* an agent is there */
	/* why nothing could be had of it, though somebody is there or may be */
	const char *failure;
	bool unreached; /* the failure is that no connection was made in time */
	char version[32];
	bool ready;
	char *says; /* the page /readyz; owned */
	char *text; /* the page /metrics, which the names are in; owned */
	struct {
		struct agent_metric *items; /* those without labels */
		size_t n;
	} metrics;
	struct {
		struct agent_route *items;
		size_t n;
	} routes;
};
void agent_facts_clear(struct agent_facts *facts);

/* Asks the agent, which may not be there. Facts that it doesn't give are left out. */
void agent_facts_read(struct agent_facts *facts);

/* Reads @facts->text, the page /metrics, which is cut up. For fuzzing as well. */
void agent_metrics_read(struct agent_facts *facts);

/* The value of a metric without labels, named without "bridge_cni_"; 0: there is none. */
double agent_metric_value(const struct agent_facts *facts, const char *name);

/* Adds the member "agent". */
void agent_json(struct json_writer *doc, const struct agent_facts *facts);

/* Adds a block, where there is an agent or a route of one. @facts->says is cut up. */
void agent_text(struct text *text, struct agent_facts *facts, bool colour);

#endif
