/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "show_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void text_or_null(struct json_writer *doc, const char *key, const char *value)
{
	if (value && *value)
		json_text(doc, key, value);
	else
		json_null(doc, key);
}

void mac_json(struct json_writer *doc, const char *key, const struct mac_addr *mac)
{
	if (mac->set)
		json_text(doc, key, MAC_TEXT(mac));
	else
		json_null(doc, key);
}

static void time_json(struct json_writer *doc, const char *key, int64_t seconds)
{
	time_t when = seconds;
	struct tm tm;
	char text[32];

	if (seconds > 0 && gmtime_r(&when, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		json_text(doc, key, text);
	else
		json_null(doc, key);
}

static void link_json(struct json_writer *doc, const struct link *link)
{
	json_bool(doc, "exists", link);
	json_bool(doc, "up", link && link->up);
	json_number(doc, "mtu", link ? link->mtu : 0);
	mac_json(doc, "mac", link ? &link->mac : &(struct mac_addr){});
}

static void bridge_json(struct json_writer *doc, const struct network_facts *facts)
{
	const struct link *bridge = facts->bridge;

	if (!switch_has_bridge(facts->net->switch_kind)) {
		json_null(doc, "bridge");
		return;
	}
	json_open(doc, "bridge", '{');
	json_text(doc, "name", facts->net->bridge);
	link_json(doc, bridge);
	text_or_null(doc, "kind", bridge ? bridge->kind : NULL);
	text_or_null(doc, "alias", bridge ? bridge->alias : NULL);
	/* The kernel doesn't know the ports of another switch's bridge. */
	if (switch_link_kind(facts->net->switch_kind))
		json_number(doc, "ports", facts->ports);
	else
		json_null(doc, "ports");
	json_close(doc, '}');
}

/* NULL: the switch has none, or no configuration says it. */
static const char *mode_of(const struct network_facts *facts)
{
	return facts->configured ? macvlan_mode_word(facts->net->switch_kind,
						     facts->net->network->macvlan.mode)
				 : NULL;
}

static void gateways_json(struct json_writer *doc, const struct network_facts *facts)
{
	json_open(doc, "gateways", '[');
	for (size_t i = 0; i < facts->gateways.n; i++) {
		json_open(doc, NULL, '{');
		json_text(doc, "address", PREFIX_TEXT(&facts->gateways.items[i].address));
		json_text(doc, "interface", facts->net->gateway_ifname);
		json_bool(doc, "present", facts->gateways.items[i].present);
		json_close(doc, '}');
	}
	json_close(doc, ']');
}

static void sets_json(struct json_writer *doc, const struct network_facts *facts)
{
	const struct range_set_list *sets = &facts->net->network->ipam.sets;

	json_open(doc, "rangeSets", '[');
	for (size_t i = 0; i < sets->n; i++) {
		json_open(doc, NULL, '{');
		json_open(doc, "ranges", '[');
		for (size_t k = 0; k < sets->items[i].n; k++) {
			const struct ip_range *range = &sets->items[i].ranges[k];

			json_open(doc, NULL, '{');
			json_text(doc, "subnet", PREFIX_TEXT(&range->subnet));
			json_text(doc, "start", IP_TEXT(&range->start));
			json_text(doc, "end", IP_TEXT(&range->end));
			json_text(doc, "gateway", IP_TEXT(&range->gateway));
			json_close(doc, '}');
		}
		json_close(doc, ']');
		json_number(doc, "size", facts->sets[i].size);
		json_number(doc, "excluded", facts->sets[i].excluded);
		if (facts->view.reservations_errnum) {
			json_null(doc, "used");
			json_null(doc, "free");
		} else {
			json_number(doc, "used", facts->sets[i].used);
			json_number(doc, "free", facts->sets[i].free);
		}
		json_close(doc, '}');
	}
	json_close(doc, ']');
}

static void masquerade_json(struct json_writer *doc, const struct network_facts *facts)
{
	const struct prefix_list *keeps = &facts->stages.keeps;

	if (!facts->configured) {
		json_null(doc, "masquerade");
		return;
	}
	json_open(doc, "masquerade", '{');
	json_bool(doc, "enabled", facts->net->network->ip_masq);
	json_open(doc, "keepsSource", '[');
	for (size_t i = 0; i < keeps->n; i++)
		json_text(doc, NULL, PREFIX_TEXT(&keeps->items[i]));
	json_close(doc, ']');
	json_close(doc, '}');
}

static void isolate_json(struct json_writer *doc, const struct network_facts *facts)
{
	if (!facts->configured) {
		json_null(doc, "isolated");
		return;
	}
	json_open(doc, "isolated", '{');
	json_text(doc, "mode", isolate_word(facts->net->network->isolate));
	json_bool(doc, "missing", facts->stages.not_isolated[0]);
	json_close(doc, '}');
}

void lines_json(struct json_writer *doc, const char *key, const struct text *text)
{
	const char *line = text->text, *end;

	json_open(doc, key, '[');
	for (; line && (end = strchr(line, '\n')); line = end + 1) {
		char *copy = strndup(line, end - line);

		if (copy)
			json_text(doc, NULL, copy);
		else
			doc->out.failed = true;
		free(copy);
	}
	json_close(doc, ']');
}

static void rules_json(struct json_writer *doc, const struct network_facts *facts)
{
	if (facts->rules_unseen) {
		json_null(doc, "rules");
		return;
	}
	json_open(doc, "rules", '[');
	for (size_t i = 0; i < facts->stages.rules.n; i++) {
		const struct stage_rules *rules = &facts->stages.rules.items[i];

		json_open(doc, NULL, '{');
		json_text(doc, "stage", rules->stage);
		json_text(doc, "family", rules->family);
		json_number(doc, "expected", rules->state.expected);
		json_number(doc, "present", rules->state.present);
		lines_json(doc, "missing", &rules->state.missing);
		json_close(doc, '}');
	}
	json_close(doc, ']');
}

static void rate_json(struct json_writer *doc, const char *key,
		      const struct rate_limit *limit)
{
	if (!limit->rate) {
		json_null(doc, key);
		return;
	}
	json_open(doc, key, '{');
	json_number(doc, "rate", limit->rate < SHOWN_MAX ? limit->rate : SHOWN_MAX);
	json_number(doc, "burst", limit->burst < SHOWN_MAX ? limit->burst : SHOWN_MAX);
	json_close(doc, '}');
}

static void ports_json(struct json_writer *doc, const struct shown_pod *pod)
{
	const struct record *record = pod->recorded ? &pod->recorded->record : NULL;

	json_open(doc, "hostPorts", '[');
	for (size_t i = 0; record && i < record->ports.n; i++) {
		const struct port_mapping *port = &record->ports.items[i];

		json_open(doc, NULL, '{');
		json_text(doc, "protocol", port_protocol_name(port->protocol));
		if (port->host_ip.family)
			json_text(doc, "hostIP", IP_TEXT(&port->host_ip));
		else
			json_null(doc, "hostIP");
		json_number(doc, "hostPort", port->host_port);
		json_number(doc, "containerPort", port->container_port);
		json_number(doc, "count", port->count);
		json_close(doc, '}');
	}
	json_close(doc, ']');
}

static void host_json(struct json_writer *doc, const struct shown_pod *pod)
{
	if (!pod->host_ifname[0]) {
		json_null(doc, "hostInterface");
		return;
	}
	json_open(doc, "hostInterface", '{');
	json_text(doc, "name", pod->host_ifname);
	link_json(doc, pod->link);
	json_close(doc, '}');
}

void pod_json_begin(struct json_writer *doc, const struct shown_pod *pod)
{
	static const struct bandwidth none;
	const struct record *record = pod->recorded ? &pod->recorded->record : NULL;
	const struct bandwidth *bandwidth = record ? &record->bandwidth : &none;

	json_open(doc, NULL, '{');
	text_or_null(doc, "pod", pod->pod);
	json_text(doc, "containerID", pod->container_id);
	json_text(doc, "interface", pod->ifname);
	json_text(doc, "state", pod_state_name(pod));
	json_open(doc, "addresses", '[');
	for (size_t i = 0; i < pod->addresses_n; i++)
		json_text(doc, NULL, PREFIX_TEXT(&pod->addresses[i]));
	json_close(doc, ']');
	mac_json(doc, "mac", &pod->mac);
	host_json(doc, pod);
	text_or_null(doc, "master", pod->master);
	text_or_null(doc, "mode", pod->mode);
	rate_json(doc, "ingress", &bandwidth->ingress);
	rate_json(doc, "egress", &bandwidth->egress);
	ports_json(doc, pod);
	text_or_null(doc, "netns", record ? record->netns : NULL);
	time_json(doc, "since", pod->since);
}

void other_json(struct json_writer *doc, const struct ipam_view_other *other)
{
	json_open(doc, NULL, '{');
	json_text(doc, "address", IP_TEXT(&other->ip));
	text_or_null(doc, "containerID", other->container_id);
	text_or_null(doc, "interface", other->ifname);
	time_json(doc, "since", other->since);
	json_close(doc, '}');
}

static void others_json(struct json_writer *doc, const struct network_facts *facts)
{
	const struct ipam_view *view = &facts->view;

	json_number(doc, "otherReservationsCount", view->others_n);
	json_open(doc, "otherReservations", '[');
	for (size_t i = 0; i < view->others.n; i++)
		other_json(doc, &view->others.items[i]);
	json_close(doc, ']');
}

void network_json(struct json_writer *doc, const struct network_facts *facts,
		  const char *file)
{
	const struct network *network = facts->net->network;

	json_open(doc, NULL, '{');
	json_text(doc, "name", network->name);
	text_or_null(doc, "file", file);
	json_text(doc, "cniVersion", cni_version_names[network->version]);
	text_or_null(doc, "ipam", network->ipam.type);
	json_text(doc, "dataDir", network->ipam.data_dir);
	json_text(doc, "switch", switch_word(facts->net->switch_kind));
	text_or_null(doc, "master", facts->master);
	text_or_null(doc, "mode", mode_of(facts));
	json_text(doc, "podLink", facts->net->routed ? "routed" : "bridged");
	bridge_json(doc, facts);
	gateways_json(doc, facts);
	sets_json(doc, facts);
	masquerade_json(doc, facts);
	isolate_json(doc, facts);
	rules_json(doc, facts);
	json_bool(doc, "recordsSeen",
		  !facts->view.records_errnum && !facts->view.unreadable);
	json_open(doc, "pods", '[');
	for (size_t i = 0; i < facts->pods.n; i++) {
		pod_json_begin(doc, &facts->pods.items[i]);
		json_close(doc, '}');
	}
	json_close(doc, ']');
	others_json(doc, facts);
	json_close(doc, '}');
}
