/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod_whole.h"
#include "show_json.h"

static int64_t counted(uint64_t value)
{
	return value < SHOWN_MAX ? value : SHOWN_MAX;
}

static void traffic_json(struct json_writer *doc, const char *key,
			 const struct link_traffic *traffic)
{
	json_open(doc, key, '{');
	json_number(doc, "packets", counted(traffic->packets));
	json_number(doc, "bytes", counted(traffic->bytes));
	json_number(doc, "errors", counted(traffic->errors));
	json_number(doc, "dropped", counted(traffic->dropped));
	json_close(doc, '}');
}

static void counters_json(struct json_writer *doc, const char *key,
			  const struct link_counters *counters)
{
	json_open(doc, key, '{');
	traffic_json(doc, "received", &counters->received);
	traffic_json(doc, "sent", &counters->sent);
	json_close(doc, '}');
}

static void routes_json(struct json_writer *doc, const struct pod_whole *whole)
{
	json_open(doc, "routes", '[');
	for (size_t i = 0; i < whole->routes.n; i++) {
		const struct kernel_route *route = &whole->routes.items[i];

		json_open(doc, NULL, '{');
		json_text(doc, "to", PREFIX_TEXT(&route->route.dst));
		if (route->route.gw.family)
			json_text(doc, "via", IP_TEXT(&route->route.gw));
		else
			json_null(doc, "via");
		text_or_null(doc, "interface", pod_link_name(whole, route->index));
		json_number(doc, "metric", route->route.priority);
		json_close(doc, '}');
	}
	json_close(doc, ']');
}

static void inside_json(struct json_writer *doc, const struct pod_whole *whole)
{
	const struct link *inside = &whole->inside;

	if (!whole->is_inside_seen) {
		json_null(doc, "inside");
		return;
	}
	json_open(doc, "inside", '{');
	json_bool(doc, "exists", inside->index);
	json_bool(doc, "up", inside->up);
	json_number(doc, "mtu", inside->mtu);
	mac_json(doc, "mac", &inside->mac);
	json_open(doc, "addresses", '[');
	for (size_t i = 0; i < whole->addresses.n; i++)
		json_text(doc, NULL, PREFIX_TEXT(&whole->addresses.items[i]));
	json_close(doc, ']');
	counters_json(doc, "counters", &whole->inside_counters);
	routes_json(doc, whole);
	json_close(doc, '}');
}

static void check_json(struct json_writer *doc, const struct pod_whole *whole)
{
	static const char *const outcomes[] = {[CHECK_NOT_DONE] = "not done",
					       [CHECK_RIGHT] = "right",
					       [CHECK_DIFFERS] = "differs"};

	json_open(doc, "check", '{');
	json_text(doc, "outcome", outcomes[whole->check]);
	text_or_null(doc, "message", whole->check_err.msg);
	json_close(doc, '}');
}

void pod_whole_json(struct json_writer *doc, const struct pod_whole *whole,
		    const char *file)
{
	const struct stage_facts *stages = &whole->stages;

	pod_json_begin(doc, &whole->pod);
	json_text(doc, "network", whole->facts->net->network->name);
	text_or_null(doc, "file", file);
	counters_json(doc, "hostCounters", &whole->host_counters);
	inside_json(doc, whole);
	json_open(doc, "queues", '[');
	for (size_t i = 0; i < stages->lines.n; i++)
		json_text(doc, NULL, stages->lines.items[i].text);
	json_close(doc, ']');
	if (whole->are_elements_seen)
		lines_json(doc, "elements", &whole->elements);
	else
		json_null(doc, "elements");
	if (whole->are_connections_seen)
		json_number(doc, "connections", whole->connections);
	else
		json_null(doc, "connections");
	text_or_null(doc, "recordFile", whole->record_path);
	lines_json(doc, "record", &whole->record);
	check_json(doc, whole);
	json_close(doc, '}');
}
