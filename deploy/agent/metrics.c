/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects from all parts of the agent what Prometheus is told, under which names. */
#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/clock.h"
#include "deploy/agent/base/metric_lines.h"
#include "deploy/agent/node/store_files.h"
#include "state.h"

static void store_metrics(FILE *out, const struct agent *agent)
{
	static const char *const families[IP_FAMILIES] = {"4", "6"};
	const uint64_t *all = agent->setup.conflist.capacity;
	struct store_counts counts = {};

	/* Counts that can't be had stay 0. */
	(void)store_files_count(&agent->setup.conflist.names, &counts, NULL);
	metric(out, "addresses_used", "gauge", "Reserved addresses of the network.");
	for (int i = 0; i < IP_FAMILIES; i++)
		fprintf(out, "bridge_cni_addresses_used{family=\"%s\"} %" PRIu64 "\n",
			families[i], counts.used[i]);
	metric(out, "addresses_free", "gauge", "Addresses of the podCIDR left to give.");
	for (int i = 0; i < IP_FAMILIES; i++)
		fprintf(out, "bridge_cni_addresses_free{family=\"%s\"} %" PRIu64 "\n",
			families[i],
			all[i] > counts.used[i] ? all[i] - counts.used[i] : 0);
	gauge(out, "attachments", counts.attachments, "Pods' interfaces with a record.");
}

static void unrouted_metric(FILE *out, const struct unrouted_node *item)
{
	fputs("bridge_cni_node_unrouted{", out);
	label(out, "node", item->node);
	fputs(",", out);
	label(out, "reason", route_problem_names[item->problem]);
	fputs("} 1\n", out);
}

/* A node may lack the routes of both families for one reason. */
static bool is_told(const struct route_upkeep *routes, size_t at)
{
	const struct unrouted_node *items = routes->unrouted;

	for (size_t i = 0; i < at; i++)
		if (items[i].problem == items[at].problem &&
		    strcmp(items[i].node, items[at].node) == 0)
			return true;
	return false;
}

static void route_metrics(FILE *out, const struct agent *agent)
{
	const struct route_upkeep *routes = &agent->routes;
	size_t former = 0;

	gauge(out, "nodes", agent->nodes.n, "Nodes of the cluster.");
	gauge(out, "routes", routes->done.wanted, "Routes to other nodes' podCIDRs.");
	for (size_t i = 0; i < agent->nodes.former.n; i++)
		former += agent->nodes.former.items[i].routed;
	gauge(out, "routes_former", former, "Those of them to podCIDRs of before.");
	counter(out, "route_changes_total", routes->changes,
		"Routes added, changed and removed.");
	counter(out, "route_syncs_total", routes->syncs,
		"How often routes were held against the kernel's.");
	metric(out, "nodes_unrouted", "gauge", "podCIDRs without a route, by reason.");
	for (int i = ROUTE_FINE + 1; i < ROUTE_PROBLEMS; i++)
		fprintf(out, "bridge_cni_nodes_unrouted{reason=\"%s\"} %zu\n",
			route_problem_names[i], routes->done.problems[i]);
	metric(out, "node_unrouted", "gauge",
	       "A node whose pods have no route, and why; the first 256.");
	for (size_t i = 0; i < routes->n_unrouted; i++)
		if (!is_told(routes, i))
			unrouted_metric(out, &routes->unrouted[i]);
}

/* What can't be had stays 0. */
static void guard_metrics(FILE *out, const struct agent *agent)
{
	uint64_t dropped[GUARD_REASONS] = {};

	(void)tunnel_guard_counters(agent->nft, dropped, NULL);
	counter(out, "tunnel_guard_changes_total", agent->tunnel.guard.changes,
		"How often the guard of the tunnels was made or changed.");
	metric(out, "tunnel_dropped_total", "counter",
	       "Packets that the guard of the tunnels has dropped, by reason.");
	for (int i = 0; i < GUARD_REASONS; i++)
		fprintf(out,
			"bridge_cni_tunnel_dropped_total{reason=\"%s\"} %" PRIu64 "\n",
			guard_reason_names[i], dropped[i]);
}

static void tunnel_metrics(FILE *out, const struct agent *agent)
{
	const struct tunnel_upkeep *tunnel = &agent->tunnel;
	const struct tunnel_wireguard *wireguard = &tunnel->wireguard.tunnel;
	const struct silent_peers *silent = &tunnel->vxlan.silent;

	gauge(out, "tunnel_peers", tunnel_upkeep_peers(tunnel),
	      "Nodes to which this node's tunnel leads.");
	gauge(out, "tunnel_wrong", tunnel->wrong[0] != '\0',
	      "The tunnel isn't as it should be; the log says why.");
	gauge(out, "wireguard_peers", tunnel->wireguard.look.peers,
	      "Nodes that this node's WireGuard device knows.");
	gauge(out, "wireguard_sessions", tunnel->wireguard.look.answering,
	      "Those of them with a handshake in the last three minutes.");
	gauge(out, "tunnel_addresses_shared", tunnel->shared.n,
	      "InternalIPs that another Node has, too, which no tunnel uses.");
	gauge(out, "wireguard_rotation_waiting",
	      wireguard->waits ? wireguard->blocking : 0,
	      "Nodes whose use of this node's old key keeps it from being replaced.");
	gauge(out, "tunnel_peers_silent", silent->n,
	      "Nodes to which this node sends by VXLAN, and which don't answer by it.");
	metric(out, "tunnel_peer_silent", "gauge", "Such a node; the first 256.");
	for (size_t i = 0; i < silent->n && i < SILENT_PEERS_NAMED; i++) {
		fputs("bridge_cni_tunnel_peer_silent{", out);
		label(out, "node", silent->names[i]);
		fputs("} 1\n", out);
	}
	counter(out, "tunnel_device_changes_total", tunnel->context.devices,
		"Tunnel devices that were made or put right.");
	counter(out, "tunnel_entry_changes_total", tunnel->context.entries,
		"Entries of tunnel devices that were set or removed.");
	guard_metrics(out, agent);
}

static void range_metrics(FILE *out, const struct agent *agent)
{
	const struct range_upkeep *ranges = &agent->ranges;

	metric(out, "pod_ranges_refused", "gauge",
	       "podCIDRs that are not used, by reason.");
	for (int i = RANGE_ACCEPTED + 1; i < RANGE_VERDICTS; i++)
		fprintf(out, "bridge_cni_pod_ranges_refused{reason=\"%s\"} %zu\n",
			range_verdict_names[i], ranges->counts[i]);
	metric(out, "pod_range_refused", "gauge",
	       "A podCIDR that is not used, and why; of other nodes the first 256.");
	for (size_t i = 0; i < ranges->n_refused; i++) {
		const struct refused_range *item = &ranges->refused[i];

		fputs("bridge_cni_pod_range_refused{", out);
		label(out, "node", item->node);
		fputs(",", out);
		label(out, "podCIDR", PREFIX_TEXT(&item->cidr));
		fputs(",", out);
		label(out, "reason", range_verdict_names[item->why]);
		fputs("} 1\n", out);
	}
}

static void api_metrics(FILE *out, const struct agent *agent)
{
	const struct reflector_state *state = reflector_state(agent->reflector);
	int64_t age = now_ms() - state->contact_ms;

	gauge(out, "api_listed", state->listed, "All Nodes have been read once.");
	gauge(out, "api_watching", state->watching, "A watch is open.");
	metric(out, "api_last_contact_seconds", "gauge",
	       "Since the API server sent what it was asked for, or the agent's start.");
	fprintf(out, "bridge_cni_api_last_contact_seconds %.3f\n", age / 1000.0);
	counter(out, "api_lists_total", state->lists, "Lists of all Nodes.");
	counter(out, "api_events_total", state->events, "Events of watches.");
	counter(out, "api_failures_total", state->failures, "Requests that failed.");
	gauge(out, "nodes_left_out", state->beyond,
	      "Nodes of the last list beyond --max-nodes; 1 or more if one came since.");
	counter(out, "api_skipped_total", state->skipped,
		"Nodes that could not be understood.");
}

static void heal_metrics(FILE *out, const struct agent *agent)
{
	const struct heal *heal = &agent->heal;

	counter(out, "repairs_total", heal->runs, "Runs of bridge-cni repair.");
	counter(out, "repair_failures_total", heal->failures, "Those that failed.");
	counter(out, "healings_total", heal->mended, "Things that repairs put back.");
	metric(out, "differences_total", "counter", "What was seen to have changed.");
	for (int i = 0; i < FINGERPRINT_PARTS; i++)
		fprintf(out, "bridge_cni_differences_total{what=\"%s\"} %" PRIu64 "\n",
			fingerprint_part_names[i], heal->differed[i]);
	counter(out, "reclaimed_total", agent->reclaim.done,
		"Dead attachments that were given a DEL.");
	counter(out, "reclaim_failures_total", agent->reclaim.failures,
		"DELs of those that failed.");
	gauge(out, "reclaim_refused", agent->reclaim.refused,
	      "Attachments that look dead where no namespace is seen.");
}

static void link_metrics(FILE *out, const struct agent *agent)
{
	const struct pod_link *link = &agent->pod_link;

	gauge(out, "pod_link_routed", agent->setup.kept.routed,
	      "Pods are routed, not bridged.");
	gauge(out, "pod_link_change_left", link->left.n,
	      "Connected pods that a change of podLink waits for.");
	if (link->left.n)
		metric(out, "pod_link_change_pod", "gauge",
		       "A pod that it waits for; the first 8.");
	for (size_t i = 0; i < pod_names_count(&link->left); i++) {
		fprintf(out, "bridge_cni_pod_link_change_pod{");
		label(out, "pod", link->left.names[i]);
		fprintf(out, "} 1\n");
	}
	gauge(out, "bridge_nf_wrong", link->nf.wrong,
	      "net.bridge.bridge-nf-call-iptables isn't what pods need.");
	counter(out, "bridge_nf_mended_total", link->nf.mended,
		"How often somebody's change of that was undone.");
}

static void conflist_metrics(FILE *out, const struct agent *agent)
{
	const struct template_file *template = &agent->setup.template;

	gauge(out, "template_used", template->used != 0,
	      "The configuration is made of a template.");
	gauge(out, "template_wrong", template->wrong[0] != '\0',
	      "The template's file is wrong, and not used.");
	gauge(out, "conflist_shadowed", agent->shadow.n,
	      "Configurations of others that sort before the agent's.");
	if (!agent->shadow.n)
		return;
	metric(out, "conflist_shadowed_by", "gauge", "The one that runtimes take.");
	fputs("bridge_cni_conflist_shadowed_by{", out);
	label(out, "file", agent->shadow.first);
	fputs("} 1\n", out);
}

static void uninstall_metrics(FILE *out, const struct agent *agent)
{
	gauge(out, "uninstall_pods_left", agent->uninstall.left.n,
	      "Attachments of pods that --uninstall waits for.");
}

static void former_metrics(FILE *out, const struct agent *agent)
{
	const struct former_pods *pods = &agent->former.pods;

	gauge(out, "pods_outside_podcidr", pods->n,
	      "Connected pods with addresses outside of this node's podCIDR.");
	gauge(out, "pods_cut_off", pods->cut_off,
	      "Those of them whose podCIDR another node has.");
	if (pods->named_n)
		metric(out, "pod_outside_podcidr", "gauge",
		       "A pod that has to be started again; the first 64.");
	for (size_t i = 0; i < pods->named_n; i++) {
		fputs("bridge_cni_pod_outside_podcidr{", out);
		label(out, "pod", pods->named[i].name);
		fprintf(out, ",cut_off=\"%s\"} 1\n",
			pods->named[i].cut_off ? "true" : "false");
	}
}

static void drop_metrics(FILE *out, const struct agent *agent)
{
	const struct drop_kinds *kinds = &agent->drops.kinds;

	if (kinds->n)
		metric(out, "dropped_frames_total", "counter",
		       "Frames of pods that the guards have dropped.");
	for (size_t i = 0; i < kinds->n; i++)
		fprintf(out, "bridge_cni_dropped_frames_total{kind=\"%s\"} %" PRIu64 "\n",
			kinds->items[i].name, kinds->items[i].packets);
}

static void work_metrics(FILE *out, struct agent *agent)
{
	store_metrics(out, agent);
	route_metrics(out, agent);
	/* Just after a node's first answer, `bridge-cni doctor` would say by older figures
	 * that no node has answered. */
	(void)wireguard_upkeep_look(&agent->tunnel.wireguard, NULL);
	tunnel_metrics(out, agent);
	range_metrics(out, agent);
	api_metrics(out, agent);
	heal_metrics(out, agent);
	link_metrics(out, agent);
	former_metrics(out, agent);
	conflist_metrics(out, agent);
	drops_look(&agent->drops);
	drop_metrics(out, agent);
}

char *metrics_text(struct agent *agent)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	metric(out, "agent_info", "gauge", "The agent's version.");
	fprintf(out, "bridge_cni_agent_info{version=\"%s\"} 1\n", BRIDGE_CNI_VERSION);
	uninstall_metrics(out, agent);
	/* An uninstalled node has nothing else to tell of. */
	if (agent->uninstall.step != UNINSTALL_DONE)
		work_metrics(out, agent);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
