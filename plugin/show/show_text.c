/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lays a network's facts out as a block of lines, with a table of its pods. */
#include "show_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/printable.h"
#include "plugin/switch/macvlan_master.h"
#include "table.h"

#define SHORT_ID    13 /* characters of a container ID, as crictl has them */
#define OTHERS_MAX  20 /* lines about reservations of others */
#define MISSING_MAX 8 /* lines about rules that are missing */

#define OF_EARLIER "of the plugin before it in the list"

static const char *master_words(const struct network_facts *facts)
{
	const struct network *network = facts->net->network;
	const struct macvlan_conf *conf = &network->macvlan;

	if (facts->master[0])
		return facts->master;
	if (macvlan_master_is_known(network))
		return "not there";
	if (conf->master && *conf->master)
		return conf->master;
	return network_takes_prev_result(network) ? OF_EARLIER : "of the default route";
}

static void switch_line(struct text *text, const struct network_facts *facts)
{
	const struct macvlan_conf *conf = &facts->net->network->macvlan;
	enum switch_kind kind = facts->net->switch_kind;

	line_begin(text, "switch");
	text_add(text, "%s", switch_word(kind));
	if (facts->configured && !switch_has_bridge(kind)) {
		text_add(text, ", master ");
		text_add_printable(text, master_words(facts));
		text_add(text, "%s, mode %s", conf->in_container ? " in the pod" : "",
			 macvlan_mode_word(kind, conf->mode));
	}
	text_add(text, "\n");
}

static void bridge_lines(struct text *text, const struct network_facts *facts,
			 bool colour)
{
	const struct link *bridge = facts->bridge;
	enum switch_kind kind = facts->net->switch_kind;

	if (kind != SWITCH_BRIDGE)
		switch_line(text, facts);
	if (!switch_has_bridge(kind))
		return;
	line_begin(text, "bridge");
	text_add_printable(text, facts->net->bridge);
	text_add(text, ", ");
	if (!bridge) {
		/* The first ADD makes the bridge. */
		tint_add(text, TINT_BAD, colour && facts->stages.pods.any, "not there");
	} else {
		tint_add(text, bridge->up ? TINT_GOOD : TINT_BAD, colour,
			 bridge->up ? "up" : "down");
		text_add(text, ", MTU %u, %s", bridge->mtu,
			 bridge->mac.set ? MAC_TEXT(&bridge->mac) : "no MAC address");
	}
	/* The kernel doesn't know the ports of another switch's bridge. */
	if (bridge && switch_link_kind(kind))
		text_add(text, ", %zu port%s, %s", facts->ports,
			 facts->ports == 1 ? "" : "s",
			 facts->net->routed ? "routed" : "bridged");
	text_add(text, "\n");
	for (size_t i = 0; i < facts->gateways.n; i++) {
		const struct gateway_facts *gateway = &facts->gateways.items[i];

		line_begin(text, i ? "" : "gateway");
		text_add(text, "%s on ", PREFIX_TEXT(&gateway->address));
		text_add_printable(text, facts->net->gateway_ifname);
		if (!gateway->present) {
			text_add(text, ", ");
			tint_add(text, TINT_BAD, colour && facts->stages.pods.any,
				 "not there");
		}
		text_add(text, "\n");
	}
}

static void number_add(struct text *text, uint64_t number, const char *what)
{
	if (number == SHOWN_MAX)
		text_add(text, "more than 9e15 %s", what);
	else
		text_add(text, "%" PRIu64 " %s", number, what);
}

static void sets_lines(struct text *text, const struct network_facts *facts)
{
	const struct network *network = facts->net->network;
	const struct range_set_list *sets = &network->ipam.sets;

	for (size_t i = 0; i < sets->n; i++) {
		const struct range_set_facts *set = &facts->sets[i];

		line_begin(text, i ? "" : "addresses");
		for (size_t k = 0; k < sets->items[i].n; k++) {
			const struct ip_range *range = &sets->items[i].ranges[k];

			text_add(text, "%s%s to %s", k ? ", " : "",
				 IP_TEXT(&range->start), IP_TEXT(&range->end));
		}
		text_add(text, ": ");
		if (facts->view.reservations_errnum) {
			text_add(text, "not seen\n");
			continue;
		}
		text_add(text, "%" PRIu64 " used, ", set->used);
		number_add(text, set->free, "free");
		text_add(text, ", %" PRIu64 " excluded\n", set->excluded);
	}
	if (sets->n)
		return;
	line_begin(text, "addresses");
	if (network->ipam.type && network->ipam.type[0]) {
		text_add(text, "of the IPAM plugin ");
		text_add_printable(text, network->ipam.type);
	} else {
		text_add(text, "%s",
			 network_takes_prev_result(network) ? OF_EARLIER : "none");
	}
	text_add(text, "\n");
}

static void masquerade_line(struct text *text, const struct network_facts *facts)
{
	const struct prefix_list *keeps = &facts->stages.keeps;

	line_begin(text, "masquerade");
	text_add(text, "%s", facts_masquerade(facts));
	for (size_t i = 0; i < keeps->n; i++)
		text_add(text, "%s%s", i ? ", " : ", except to ",
			 PREFIX_TEXT(&keeps->items[i]));
	text_add(text, "\n");
}

/* Rules that are missing are told with all others. */
static void isolate_line(struct text *text, const struct network_facts *facts,
			 bool colour)
{
	enum isolate isolate = facts->net->network->isolate;

	if (!facts->configured || isolate == ISOLATE_NO)
		return;
	line_begin(text, "isolated");
	text_add(text, isolate == ISOLATE_STRICTLY
			       ? "strictly, from all other networks"
			       : "from other isolated networks, but for host ports");
	if (facts->stages.not_isolated[0]) {
		text_add(text, "; ");
		tint_add(text, TINT_BAD, colour, "missing");
		text_add(text, " in the sets of networks: ");
		text_add_printable(text, facts->stages.not_isolated);
	}
	text_add(text, "\n");
}

static void printable_add(struct text *text, const char *start, const char *end)
{
	char *copy = strndup(start, end - start);

	if (copy)
		text_add_printable(text, copy);
	else
		text->failed = true;
	free(copy);
}

static void missing_lines(struct text *text, const struct stage_facts *stages,
			  bool colour)
{
	size_t n = 0;

	for (size_t i = 0; i < stages->rules.n; i++) {
		const struct stage_rules *rules = &stages->rules.items[i];
		const char *line = rules->state.missing.text, *end;

		for (; line && (end = strchr(line, '\n')); line = end + 1) {
			if (n++ >= MISSING_MAX)
				continue;
			line_begin(text, "");
			tint_add(text, TINT_BAD, colour, "missing");
			text_add(text, " in table %s bridge_cni, chain ", rules->family);
			printable_add(text, line, end);
			text_add(text, "\n");
		}
	}
	if (n <= MISSING_MAX)
		return;
	line_begin(text, "");
	text_add(text, "and %zu more, which --json names\n", n - MISSING_MAX);
}

static void rules_lines(struct text *text, const struct network_facts *facts, bool colour)
{
	const struct stage_facts *stages = &facts->stages;

	line_begin(text, "rules");
	if (facts->rules_unseen)
		text_add(text, "not seen");
	else if (!stages->rules.n && !facts->configured)
		text_add(text, "needed as the configuration says, which isn't there");
	else if (!stages->rules.n)
		text_add(text, "none needed");
	for (size_t i = 0; !facts->rules_unseen && i < stages->rules.n; i++) {
		const struct stage_rules *rules = &stages->rules.items[i];
		bool all = rules->state.present == rules->state.expected;
		char words[64];

		snprintf(words, sizeof(words), "%zu of %zu", rules->state.present,
			 rules->state.expected);
		text_add(text, "%s%s ", i ? ", " : "", rules->stage);
		tint_add(text, all ? TINT_GOOD : TINT_BAD, colour, words);
	}
	if (!facts->rules_unseen && stages->rules.n && !facts->configured)
		text_add(text, "; others as the configuration says, which isn't there");
	text_add(text, "\n");
	if (!facts->rules_unseen)
		missing_lines(text, stages, colour);
}

static void id_add(struct text *cell, const char *id)
{
	char start[SHORT_ID + 1];

	snprintf(start, sizeof(start), "%s", id);
	text_add_printable(cell, start);
}

static const char *const titles[] = {"POD",	  "CONTAINER", "INTERFACE",
				     "ADDRESSES", "MAC",       "HOST INTERFACE",
				     "STATE",	  "RATES",     "HOST PORTS",
				     "AGE"};

static void pod_row(struct columns *columns, const struct shown_pod *pod)
{
	const struct record *record = pod->recorded ? &pod->recorded->record : NULL;
	struct text *cell;

	columns_row(columns, ARRAY_SIZE(titles));
	text_add_printable(columns_cell(columns), pod->pod);
	id_add(columns_cell(columns), pod->container_id);
	text_add_printable(columns_cell(columns), pod->ifname);
	cell = columns_cell(columns);
	for (size_t i = 0; i < pod->addresses_n; i++)
		text_add(cell, "%s%s", i ? "," : "", IP_TEXT(&pod->addresses[i].addr));
	cell = columns_cell(columns);
	if (pod->mac.set)
		text_add(cell, "%s", MAC_TEXT(&pod->mac));
	cell = columns_cell(columns);
	text_add_printable(cell, pod->host_ifname);
	if (pod->mode) {
		text_add(cell, "of ");
		text_add_printable(cell, pod->master[0] ? pod->master : "?");
		text_add(cell, ", mode %s", pod->mode);
	}
	if (!pod->link && pod->host_ifname[0])
		text_add(cell, " (gone)");
	else if (pod->link && !pod->link->up)
		text_add(cell, " (down)");
	text_add(columns_cell(columns), "%s", pod_state_name(pod));
	cell = columns_cell(columns);
	if (record) {
		rate_add(cell, "in", &record->bandwidth.ingress);
		rate_add(cell, "out", &record->bandwidth.egress);
	}
	cell = columns_cell(columns);
	if (record)
		ports_add(cell, record);
	age_add(columns_cell(columns), pod->since);
}

static void pods_lines(struct text *text, const struct network_facts *facts)
{
	_cleanup_(columns_clear) struct columns columns = {};
	size_t counts[IPAM_VIEW_DEAD + 1] = {};

	for (size_t i = 0; i < facts->pods.n; i++)
		counts[facts->pods.items[i].state]++;
	line_begin(text, "pods");
	text_add(text, "%zu", facts->pods.n);
	if (counts[IPAM_VIEW_DETACHED])
		text_add(text, ", %zu without its interface", counts[IPAM_VIEW_DETACHED]);
	if (counts[IPAM_VIEW_DEAD])
		text_add(text, ", %zu dead, whose addresses will be given back",
			 counts[IPAM_VIEW_DEAD]);
	if (facts->view.records_errnum)
		text_add(text, " by their interfaces, as records are not seen");
	text_add(text, "\n");
	if (!facts->pods.n)
		return;
	columns_row(&columns, ARRAY_SIZE(titles));
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		text_add(columns_cell(&columns), "%s", titles[i]);
	for (size_t i = 0; i < facts->pods.n; i++)
		pod_row(&columns, &facts->pods.items[i]);
	columns_print(&columns, "    ", text);
}

static void other_add(struct text *text, const struct ipam_view_other *other)
{
	text_add(text, "%s", IP_TEXT(&other->ip));
	if (!other->container_id[0])
		text_add(text, " of nobody (an empty file)");
	else
		text_add(text, " of container ");
	text_add_printable(text, other->container_id);
	if (other->ifname[0])
		text_add(text, " ");
	text_add_printable(text, other->ifname);
	text_add(text, "\n");
}

void other_text(struct text *text, const struct network_facts *facts,
		const struct ipam_view_other *other)
{
	text_add(text, "reservation of network ");
	text_add_printable(text, facts->net->network->name);
	text_add(text, ", which no record here tells of: ");
	other_add(text, other);
	text_add(text, "\n");
}

static void others_lines(struct text *text, const struct network_facts *facts)
{
	const struct ipam_view *view = &facts->view;

	if (!view->others_n)
		return;
	line_begin(text, "others");
	text_add(text, "%zu reservation%s without %s\n", view->others_n,
		 view->others_n == 1 ? "" : "s",
		 view->records_errnum
			 ? "an interface here; records are not seen"
			 : "a record of bridge-cni: of the reference plugin, "
			   "or of nobody");
	for (size_t i = 0; i < view->others.n && i < OTHERS_MAX; i++) {
		text_add(text, "    ");
		other_add(text, &view->others.items[i]);
	}
	if (view->others_n > OTHERS_MAX)
		text_add(text, "    and %zu more\n", view->others_n - OTHERS_MAX);
}

void network_text(struct text *text, const struct network_facts *facts, const char *file,
		  bool colour)
{
	const struct network *network = facts->net->network;

	text_add(text, "network ");
	tint_add(text, TINT_BOLD, colour, network->name);
	if (file) {
		text_add(text, " of ");
		text_add_printable(text, file);
	} else {
		text_add(text, ", which no configuration has: the store tells of it");
	}
	text_add(text, "\n");
	line_begin(text, "plugin");
	text_add(text, "bridge-cni " BRIDGE_CNI_VERSION ", CNI %s, store ",
		 cni_version_names[network->version]);
	text_add_printable(text, network->ipam.data_dir);
	text_add(text, "\n");
	bridge_lines(text, facts, colour);
	sets_lines(text, facts);
	masquerade_line(text, facts);
	isolate_line(text, facts, colour);
	rules_lines(text, facts, colour);
	pods_lines(text, facts);
	others_lines(text, facts);
	text_add(text, "\n");
}
