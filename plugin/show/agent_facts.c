/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent_facts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/clock.h"
#include "conf/base/list.h"
#include "conf/base/printable.h"
#include "http_get.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/route.h"
#include "show_text.h"
#include "table.h"

#define AGENT_PORT    9810 /* its --port */
#define AGENT_WAIT_MS 2000 /* for both of its pages */
#define METRICS	      "bridge_cni_"

void agent_facts_clear(struct agent_facts *facts)
{
	free(facts->says);
	free(facts->text);
	free(facts->metrics.items);
	free(facts->routes.items);
	*facts = (struct agent_facts){};
}

/* Reads a line "bridge_cni_NAME VALUE"; others are passed over. @line is cut up. */
static void metric_read(struct agent_facts *facts, char *line)
{
	static const char info[] = METRICS "agent_info{version=\"";
	char *space = strrchr(line, ' '), *end;
	struct agent_metric *metric;
	double value;

	if (strncmp(line, info, sizeof(info) - 1) == 0) {
		facts->answers = true;
		snprintf(facts->version, sizeof(facts->version), "%.*s",
			 (int)strcspn(line + sizeof(info) - 1, "\""),
			 line + sizeof(info) - 1);
	}
	if (!space || strncmp(line, METRICS, strlen(METRICS)) != 0)
		return;
	*space = '\0';
	line += strlen(METRICS);
	value = strtod(space + 1, &end);
	if (*end || end == space + 1 || !isfinite(value) || !*line ||
	    line[strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		return;
	metric = LIST_ADD(&facts->metrics);
	if (metric)
		*metric = (struct agent_metric){line, value};
}

void agent_metrics_read(struct agent_facts *facts)
{
	char *line = facts->text, *end;

	for (; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		metric_read(facts, line);
	}
}

static void pages_read(struct agent_facts *facts)
{
	int64_t deadline = now_ms() + AGENT_WAIT_MS;
	int status,
		ret = http_get(AGENT_PORT, "/metrics", deadline, &status, &facts->text);

	if (ret == 0)
		agent_metrics_read(facts);
	/* Somebody else may listen there. */
	if (ret == 0 && facts->answers) {
		ret = http_get(AGENT_PORT, "/readyz", deadline, &status, &facts->says);
		facts->ready = ret == 0 && status == 200;
	}
	/* Where nobody listens the node refuses at once. Without an interface lo nobody
	 * can be there. */
	facts->unreached = ret == -EHOSTUNREACH;
	if (facts->unreached)
		facts->failure = "connecting timed out; a firewall may drop packets on "
				 "the interface lo";
	else if (ret < 0 && ret != -ECONNREFUSED && ret != -ENETUNREACH)
		facts->failure = strerror(-ret);
}

static int route_add(struct agent_facts *facts, struct netlink *nl,
		     const struct kernel_route *kernel)
{
	struct agent_route *route = LIST_ADD(&facts->routes);
	struct link link = {};

	if (!route)
		return -ENOMEM;
	route->to = kernel->route.dst;
	route->via = kernel->route.gw;
	if (link_get_by_index(nl, kernel->index, &link, NULL) == 0) {
		snprintf(route->device, sizeof(route->device), "%s", link.name);
		snprintf(route->kind, sizeof(route->kind), "%s", link.kind);
	}
	return 0;
}

static void routes_read(struct agent_facts *facts)
{
	struct netlink *nl = NULL;
	int ret = netlink_open(NETLINK_FOR_ROUTE, &nl, NULL);

	for (size_t f = 0; ret == 0 && f < IP_FAMILIES; f++) {
		struct kernel_route_list list = {};

		ret = route_list_get(nl, ip_families[f], &list, NULL);
		for (size_t i = 0; ret == 0 && i < list.n; i++)
			if (list.items[i].protocol == AGENT_ROUTE_PROTOCOL)
				ret = route_add(facts, nl, &list.items[i]);
		kernel_route_list_clear(&list);
	}
	netlink_close(nl);
}

void agent_facts_read(struct agent_facts *facts)
{
	pages_read(facts);
	routes_read(facts);
}

static const struct agent_metric *metric_find(const struct agent_facts *facts,
					      const char *name)
{
	for (size_t i = 0; i < facts->metrics.n; i++)
		if (strcmp(facts->metrics.items[i].name, name) == 0)
			return &facts->metrics.items[i];
	return NULL;
}

static void routes_json(struct json_writer *doc, const struct agent_facts *facts)
{
	json_open(doc, "routes", '[');
	for (size_t i = 0; i < facts->routes.n; i++) {
		const struct agent_route *route = &facts->routes.items[i];

		json_open(doc, NULL, '{');
		json_text(doc, "to", PREFIX_TEXT(&route->to));
		if (route->via.family)
			json_text(doc, "via", IP_TEXT(&route->via));
		else
			json_null(doc, "via");
		json_text(doc, "interface", route->device);
		json_text(doc, "kind", route->kind);
		json_close(doc, '}');
	}
	json_close(doc, ']');
}

void agent_json(struct json_writer *doc, const struct agent_facts *facts)
{
	if (!facts->answers && !facts->failure && !facts->routes.n) {
		json_null(doc, "agent");
		return;
	}
	json_open(doc, "agent", '{');
	json_bool(doc, "answers", facts->answers);
	if (facts->failure)
		json_text(doc, "failure", facts->failure);
	else
		json_null(doc, "failure");
	json_text(doc, "version", facts->version);
	json_bool(doc, "ready", facts->ready);
	json_text(doc, "says", facts->says ? facts->says : "");
	json_open(doc, "metrics", '{');
	/* A name that comes twice is written once. */
	for (size_t i = 0; i < facts->metrics.n; i++)
		if (metric_find(facts, facts->metrics.items[i].name) ==
		    &facts->metrics.items[i])
			json_real(doc, facts->metrics.items[i].name,
				  facts->metrics.items[i].value);
	json_close(doc, '}');
	routes_json(doc, facts);
	json_close(doc, '}');
}

double agent_metric_value(const struct agent_facts *facts, const char *name)
{
	const struct agent_metric *metric = metric_find(facts, name);

	return metric ? metric->value : 0;
}

/* The metrics that say how the node is connected with others, in words. */
static void metrics_lines(struct text *text, const struct agent_facts *facts, bool colour)
{
	double silent = agent_metric_value(facts, "tunnel_peers_silent");

	line_begin(text, "API server");
	if (agent_metric_value(facts, "api_watching") > 0)
		text_add(text, "watched");
	else
		tint_add(text, TINT_BAD, colour, "not watched");
	text_add(text, ", last heard of %.0f s ago\n",
		 agent_metric_value(facts, "api_last_contact_seconds"));
	line_begin(text, "nodes");
	text_add(text, "%.0f in the cluster, %.0f route%s to podCIDRs\n",
		 agent_metric_value(facts, "nodes"), agent_metric_value(facts, "routes"),
		 agent_metric_value(facts, "routes") == 1 ? "" : "s");
	line_begin(text, "tunnel");
	text_add(text, "to %.0f node%s", agent_metric_value(facts, "tunnel_peers"),
		 agent_metric_value(facts, "tunnel_peers") == 1 ? "" : "s");
	if (agent_metric_value(facts, "wireguard_peers") > 0)
		text_add(text, ", WireGuard: %.0f of %.0f answering",
			 agent_metric_value(facts, "wireguard_sessions"),
			 agent_metric_value(facts, "wireguard_peers"));
	if (silent > 0)
		text_add(text, ", %.0f silent", silent);
	if (agent_metric_value(facts, "tunnel_wrong") > 0) {
		text_add(text, ", ");
		tint_add(text, TINT_BAD, colour, "not as it should be");
	}
	text_add(text, "\n");
}

static void says_lines(struct text *text, const struct agent_facts *facts)
{
	char *line = facts->says, *end;

	for (; line && *line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		if (strcmp(line, "ok") == 0)
			continue;
		line_begin(text, "");
		text_add_printable(text, line);
		text_add(text, "\n");
	}
}

static void routes_lines(struct text *text, const struct agent_facts *facts)
{
	_cleanup_(columns_clear) struct columns columns = {};

	for (size_t i = 0; i < facts->routes.n; i++) {
		const struct agent_route *route = &facts->routes.items[i];
		struct text *cell;

		columns_row(&columns, 3);
		text_add(columns_cell(&columns), "%s", PREFIX_TEXT(&route->to));
		cell = columns_cell(&columns);
		if (route->via.family)
			text_add(cell, "via %s", IP_TEXT(&route->via));
		cell = columns_cell(&columns);
		text_add_printable(cell, route->device);
		if (route->kind[0])
			text_add(cell, " (%s)", route->kind);
	}
	if (!facts->routes.n)
		return;
	line_begin(text, "routes");
	text_add(text, "%zu\n", facts->routes.n);
	columns_print(&columns, "    ", text);
}

void agent_text(struct text *text, struct agent_facts *facts, bool colour)
{
	if (!facts->answers && !facts->failure && !facts->routes.n)
		return;
	text_add(text, "node agent ");
	if (facts->answers) {
		tint_add(text, TINT_BOLD, colour, facts->version);
		text_add(text, ", ");
		tint_add(text, facts->ready ? TINT_GOOD : TINT_BAD, colour,
			 facts->ready ? "ready" : "not ready");
	} else {
		text_add(text, "doesn't answer on 127.0.0.1:%d%s%s", AGENT_PORT,
			 facts->failure ? ": " : "",
			 facts->failure ? facts->failure : "");
	}
	text_add(text, "\n");
	says_lines(text, facts);
	if (facts->answers)
		metrics_lines(text, facts, colour);
	routes_lines(text, facts);
	text_add(text, "\n");
}
