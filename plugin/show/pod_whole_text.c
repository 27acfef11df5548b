/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod_whole.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/printable.h"
#include "show_text.h"

static void link_line(struct text *text, const char *label, const char *name,
		      const struct link *link, bool colour)
{
	line_begin(text, label);
	text_add_printable(text, name);
	text_add(text, ", ");
	if (!link || !link->index) {
		tint_add(text, TINT_BAD, colour, "not there");
		text_add(text, "\n");
		return;
	}
	tint_add(text, link->up ? TINT_GOOD : TINT_BAD, colour, link->up ? "up" : "down");
	text_add(text, ", MTU %u, %s", link->mtu,
		 link->mac.set ? MAC_TEXT(&link->mac) : "no MAC address");
}

static void traffic_line(struct text *text, const char *what,
			 const struct link_traffic *traffic)
{
	line_begin(text, "");
	text_add(text,
		 "%s %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " errors, %" PRIu64
		 " dropped\n",
		 what, traffic->packets, traffic->bytes, traffic->errors,
		 traffic->dropped);
}

static void counters_lines(struct text *text, const struct link_counters *counters)
{
	traffic_line(text, "received", &counters->received);
	traffic_line(text, "sent", &counters->sent);
}

static void inside_lines(struct text *text, const struct pod_whole *whole, bool colour)
{
	if (!whole->is_inside_seen) {
		line_begin(text, "in the pod");
		text_add(text, "not seen\n");
		return;
	}
	link_line(text, "in the pod", whole->pod.ifname, &whole->inside, colour);
	if (!whole->inside.index)
		return;
	for (size_t i = 0; i < whole->addresses.n; i++)
		text_add(text, ", %s", PREFIX_TEXT(&whole->addresses.items[i]));
	text_add(text, "\n");
	counters_lines(text, &whole->inside_counters);
	for (size_t i = 0; i < whole->routes.n; i++) {
		const struct kernel_route *route = &whole->routes.items[i];

		line_begin(text, i ? "" : "routes");
		text_add(text, "%s", PREFIX_TEXT(&route->route.dst));
		if (route->route.gw.family)
			text_add(text, " via %s", IP_TEXT(&route->route.gw));
		text_add(text, " dev ");
		text_add_printable(text, pod_link_name(whole, route->index));
		if (route->route.priority)
			text_add(text, " metric %u", route->route.priority);
		text_add(text, "\n");
	}
}

static void master_line(struct text *text, const struct shown_pod *pod)
{
	if (!pod->mode)
		return;
	line_begin(text, "master");
	text_add_printable(text, pod->master[0] ? pod->master : "not seen");
	text_add(text, ", mode %s\n", pod->mode);
}

/* To the kernel, Open vSwitch's ports are those of an interface of its own, "ovs-system". The
 * bridge is in the line that the stage tells. */
static bool has_foreign_port(const struct shown_pod *pod)
{
	return pod->recorded && pod->recorded->record.switch_kind == SWITCH_OVS;
}

static void outside_lines(struct text *text, const struct pod_whole *whole, bool colour)
{
	const struct link *link = whole->pod.link;
	unsigned int master;

	if (!whole->pod.host_ifname[0])
		return;
	link_line(text, "on the node", whole->pod.host_ifname, link, colour);
	if (!link)
		return;
	master = has_foreign_port(&whole->pod) ? 0 : link->master;
	for (size_t i = 0; master && i < whole->facts->links.n; i++)
		if (whole->facts->links.items[i].index == master) {
			text_add(text, ", port of ");
			text_add_printable(text, whole->facts->links.items[i].name);
		}
	text_add(text, "%s%s\n", link->port.hairpin ? ", hairpin" : "",
		 link->port.isolated ? ", isolated" : "");
	counters_lines(text, &whole->host_counters);
}

/* The lines of @lines, or what is said where there are none. */
static void lines_add(struct text *text, const char *label, const struct text *lines,
		      const char *none)
{
	const char *line = lines->text, *end;

	if (!line) {
		line_begin(text, label);
		text_add(text, "%s\n", none);
	}
	for (; line && (end = strchr(line, '\n')); line = end + 1) {
		char *copy = strndup(line, end - line);

		line_begin(text, line == lines->text ? label : "");
		if (copy)
			text_add_printable(text, copy);
		else
			text->failed = true;
		text_add(text, "\n");
		free(copy);
	}
}

/* The facts that stages say in words: of the pod's port of Open vSwitch, and of the queues
 * that limit its rates. */
static void stage_lines(struct text *text, const struct stage_facts *stages)
{
	const char *last = "";

	for (size_t i = 0; i < stages->lines.n; i++) {
		const struct stage_line *line = &stages->lines.items[i];
		const char *label = strcmp(line->stage, "ovs_port") == 0 ? "port"
									 : "queues";

		line_begin(text, strcmp(label, last) == 0 ? "" : label);
		text_add_printable(text, line->text);
		text_add(text, "\n");
		last = label;
	}
}

static void check_line(struct text *text, const struct pod_whole *whole, bool colour)
{
	line_begin(text, "check");
	if (whole->check == CHECK_RIGHT)
		tint_add(text, TINT_GOOD, colour, "right");
	else if (whole->check == CHECK_DIFFERS)
		tint_add(text, TINT_BAD, colour, "differs: ");
	else
		text_add(text, "not done: ");
	text_add_printable(text, whole->check_err.msg);
	text_add(text, "\n");
}

void pod_whole_text(struct text *text, const struct pod_whole *whole, bool colour)
{
	const struct shown_pod *pod = &whole->pod;

	text_add(text, "attachment ");
	tint_add(text, TINT_BOLD, colour, pod->pod[0] ? pod->pod : pod->container_id);
	text_add(text, " of network ");
	text_add_printable(text, whole->facts->net->network->name);
	text_add(text, "\n");
	line_begin(text, "container");
	text_add_printable(text, pod->container_id);
	text_add(text, "\n");
	line_begin(text, "state");
	text_add(text, "%s", pod_state_name(pod));
	if (pod->since) {
		text_add(text, ", for ");
		age_add(text, pod->since);
	}
	text_add(text, "\n");
	for (size_t i = 0; i < pod->addresses_n; i++) {
		line_begin(text, i ? "" : "addresses");
		text_add(text, "%s\n", PREFIX_TEXT(&pod->addresses[i]));
	}
	inside_lines(text, whole, colour);
	master_line(text, pod);
	outside_lines(text, whole, colour);
	if (pod->recorded && pod->recorded->record.ports.n) {
		line_begin(text, "host ports");
		ports_add(text, &pod->recorded->record);
		text_add(text, "\n");
	}
	stage_lines(text, &whole->stages);
	lines_add(text, "elements", &whole->elements,
		  whole->are_elements_seen ? "none" : "not seen");
	line_begin(text, "connections");
	if (whole->are_connections_seen)
		text_add(text, "%zu\n", whole->connections);
	else
		text_add(text, "not seen\n");
	line_begin(text, "record");
	text_add_printable(text, whole->record_path ? whole->record_path : "none");
	text_add(text, "\n");
	if (whole->record.text)
		lines_add(text, "", &whole->record, "");
	check_line(text, whole, colour);
	text_add(text, "\n");
}
