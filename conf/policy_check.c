/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds configurations against a policy's rule, after everything in them is read and
 * merged: what takes effect counts. */
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "paths.h"
#include "policy.h"
#include "ranges.h"

#define VLAN_ID_MAX 4094 /* of vlans, whose 0 is the bridge's default VLAN */

static const char *const log_prefixes[] = {"/var/log", "/run"};

/* Code 7: "WHAT is not allowed by rules[0].KEY of the policy". */
static int refuse(const struct policy_rule *rule, const char *key, struct cni_error *err,
		  const char *fmt, ...) _printf_(4, 5);
static int refuse(const struct policy_rule *rule, const char *key, struct cni_error *err,
		  const char *fmt, ...)
{
	char what[ERROR_MSG_MAX / 2];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return error_set(err, CNI_ERR_CONFIG, EPERM,
			 "%s is not allowed by rules[%zu].%s of " POLICY_PATH, what,
			 rule->index, key);
}

static bool matches(const struct policy_texts *patterns, const char *text)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (fnmatch(patterns->items[i], text, FNM_NOESCAPE) == 0)
			return true;
	return false;
}

static size_t below(const struct policy_texts *prefixes, const char *path)
{
	size_t len = 0;

	for (size_t i = 0; len == 0 && i < prefixes->n; i++)
		len = path_below(prefixes->items[i], path);
	return len;
}

/* Are all the numbers of a span in the list? Parts of it may be in several entries. */
static bool spans_have(const struct policy_spans *spans, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < spans->n; i++) {
		const struct policy_span *span = &spans->items[i];

		if (from < span->from || from > span->to)
			continue;
		if (to <= span->to)
			return true;
		from = span->to + 1;
		i = (size_t)-1; /* another entry, whichever, may have the rest */
	}
	return false;
}

static bool spans_overlap(const struct policy_spans *spans, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < spans->n; i++)
		if (from <= spans->items[i].to && spans->items[i].from <= to)
			return true;
	return false;
}

static bool subnet_is_within(const struct policy_subnets *subnets,
			     const struct ip_prefix *subnet)
{
	for (size_t i = 0; i < subnets->n; i++)
		if (subnets->items[i].len <= subnet->len &&
		    prefix_contains(&subnets->items[i], &subnet->addr))
			return true;
	return false;
}

int policy_rule_find(const struct policy *policy, const char *network,
		     const struct policy_rule **ret_rule, struct cni_error *err)
{
	for (size_t i = 0; network && i < policy->n; i++) {
		if (!matches(&policy->rules[i].networks, network))
			continue;
		*ret_rule = &policy->rules[i];
		return 0;
	}
	return error_set(
		err, CNI_ERR_CONFIG, EPERM,
		"name: \"%s\" is not in \"networks\" of any rule of " POLICY_PATH,
		network ? network : "");
}

static int check_ipam(const struct policy_rule *rule, const struct network *network,
		      struct cni_error *err)
{
	const struct ipam_conf *ipam = &network->ipam;
	struct range_origin origin = {ipam->runtime_sets, ipam->single_sets, ""};

	if (rule->data_dirs.set && !below(&rule->data_dirs, ipam->data_dir))
		return refuse(rule, "dataDir", err, "ipam.dataDir: \"%s\"",
			      ipam->data_dir);
	if (rule->resolv_confs.set && ipam->resolv_conf &&
	    !below(&rule->resolv_confs, ipam->resolv_conf))
		return refuse(rule, "resolvConf", err, "ipam.resolvConf: \"%s\"",
			      ipam->resolv_conf);
	for (size_t i = 0; rule->subnets.set && i < ipam->sets.n; i++)
		for (size_t j = 0; j < ipam->sets.items[i].n; j++) {
			const struct ip_prefix *subnet =
				&ipam->sets.items[i].ranges[j].subnet;

			if (!subnet_is_within(&rule->subnets, subnet))
				return refuse(rule, "subnets", err, "%s.subnet: %s",
					      range_name(&origin, i, j),
					      PREFIX_TEXT(subnet));
		}
	return 0;
}

static int check_trunk(const struct policy_rule *rule, const char *key,
		       const struct vlan_trunk_list *list, struct cni_error *err)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct vlan_trunk *trunk = &list->items[i];

		if ((trunk->id || trunk->id_set) &&
		    !spans_have(&rule->vlans, trunk->id, trunk->id))
			return refuse(rule, "vlans", err, "%s[%zu].id: %u", key, i,
				      trunk->id);
		if (trunk->min_id &&
		    !spans_have(&rule->vlans, trunk->min_id, trunk->max_id))
			return refuse(rule, "vlans", err, "%s[%zu]: %u to %u", key, i,
				      trunk->min_id, trunk->max_id);
	}
	return 0;
}

static int check_vlans(const struct policy_rule *rule, const struct network *network,
		       struct cni_error *err)
{
	uint16_t native = network_native_vlan(network); /* 0: the bridge's default VLAN */
	int ret;

	if (!rule->vlans.set)
		return 0;
	if (network->all_vlans && !spans_have(&rule->vlans, 0, VLAN_ID_MAX))
		return refuse(rule, "vlans", err, "all VLANs, as vlan is not set");
	if ((!network->ovs.trunk.n || native) &&
	    !spans_have(&rule->vlans, native, native))
		return refuse(rule, "vlans", err, "VLAN %u for untagged frames", native);
	if (network->preserve_default_vlan && !spans_have(&rule->vlans, 0, 0))
		return refuse(rule, "vlans", err, "preserveDefaultVlan: true");
	ret = check_trunk(rule, "vlanTrunk", &network->vlan_trunk, err);
	return ret < 0 ? ret : check_trunk(rule, "trunk", &network->ovs.trunk, err);
}

/* Destinations to which pods keep their own addresses, whatever ipMasq is. */
static int check_masquerade(const struct policy_rule *rule, const struct network *network,
			    struct cni_error *err)
{
	const struct prefix_list *list = &network->non_masquerade;

	for (size_t i = 0; rule->non_masquerade.set && i < list->n; i++)
		if (!subnet_is_within(&rule->non_masquerade, &list->items[i]))
			return refuse(rule, "nonMasqueradeCIDRs", err,
				      "nonMasqueradeCIDRs[%zu]: %s", i,
				      PREFIX_TEXT(&list->items[i]));
	return 0;
}

static int check_required(const struct policy_rule *rule, const struct network *network,
			  struct cni_error *err)
{
	const struct policy_require *require = &rule->require;
	const struct {
		const char *key;
		const struct policy_switch *required;
		bool value;
	} switches[] = {
		{"forceAddress", &require->force_address, network->force_address},
		{"ipMasq", &require->ip_masq, network->ip_masq},
		{"isGateway", &require->is_gateway, network->is_gateway},
		{"macspoofchk", &require->mac_spoof_check, network->mac_spoof_check},
		{"portIsolation", &require->port_isolation, network->port_isolation},
		{"promiscMode", &require->promisc_mode, network->promisc_mode},
		{"spoofCheck", &require->spoof_check, network->spoof_check},
	};
	char key[64];

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		if (!switches[i].required->set ||
		    switches[i].required->value == switches[i].value)
			continue;
		snprintf(key, sizeof(key), "require.%s", switches[i].key);
		return refuse(rule, key, err, "%s: %s", switches[i].key,
			      switches[i].value ? "true" : "false");
	}
	if (require->isolate.set && (require->isolate.value == ISOLATE_NO
					     ? network->isolate != ISOLATE_NO
					     : network->isolate < require->isolate.value))
		return refuse(rule, "require.isolate", err, "isolate: %s",
			      isolate_word(network->isolate));
	if (require->pod_link &&
	    network->routed != (strcmp(require->pod_link, "routed") == 0))
		return refuse(rule, "require.podLink", err, "podLink: \"%s\"",
			      network->routed ? "routed" : "bridged");
	if (require->over_listener && network->ports.expected &&
	    network->ports.over_listener != OVER_LISTENER_REFUSE)
		return refuse(rule, "require.hostPortOverListener", err,
			      "hostPortOverListener: a value other than \"refuse\"");
	return 0;
}

static int check_pod(const struct policy_rule *rule, const struct pod *pod,
		     struct cni_error *err)
{
	const struct port_mapping_list *list = &pod->ports.mappings;

	if (rule->requested_mac.set && !rule->requested_mac.value && pod->mac.set)
		return refuse(rule, "requestedMac", err, "the requested MAC address %s",
			      MAC_TEXT(&pod->mac));
	for (size_t i = 0; i < list->n; i++) {
		const struct port_mapping *run = &list->items[i];
		uint32_t last = port_mapping_last(run);
		const char *protocol = port_protocol_name(run->protocol);

		if (rule->host_ports.set &&
		    !spans_have(&rule->host_ports, run->host_port, last))
			return refuse(rule, "hostPorts", err,
				      "runtimeConfig.portMappings: host port %s %u to %u",
				      protocol, run->host_port, last);
		if (spans_overlap(&rule->reserved_host_ports, run->host_port, last))
			return refuse(rule, "reservedHostPorts", err,
				      "runtimeConfig.portMappings: host port %s %u to %u",
				      protocol, run->host_port, last);
	}
	return 0;
}

/* The keys that don't count where the program is another plugin's IPAM. */
static int check_bridge(const struct policy_rule *rule, const struct network *network,
			const struct pod *pod, struct cni_error *err)
{
	const char *type = network->ipam.type ? network->ipam.type : "";
	int ret;

	if (rule->bridges.set && !matches(&rule->bridges, network->bridge))
		return refuse(rule, "bridges", err, "%s: \"%s\"",
			      switch_place_what(network->bridge),
			      switch_place_word(network->bridge));
	if (rule->ipam_types.set && !matches(&rule->ipam_types, type))
		return refuse(rule, "ipamTypes", err, "ipam.type: \"%s\"", type);
	if (rule->mtus.set && !spans_have(&rule->mtus, network->mtu, network->mtu))
		return refuse(rule, "mtu", err, "mtu: %u", network->mtu);
	ret = check_vlans(rule, network, err);
	if (ret == 0)
		ret = check_masquerade(rule, network, err);
	if (ret == 0)
		ret = check_required(rule, network, err);
	return ret < 0 ? ret : check_pod(rule, pod, err);
}

int policy_check(const struct policy_rule *rule, const struct network *network,
		 const struct pod *pod, bool ipam_only, struct cni_error *err)
{
	bool in_process = ipam_only || (network->ipam.type &&
					strcmp(network->ipam.type, "host-local") == 0);
	int ret = 0;

	if (network->log.file && !policy_log_prefix(rule, network->log.file) &&
	    rule->log_files.set)
		ret = refuse(rule, "logFile", err, "logFile: \"%s\"", network->log.file);
	if (ret == 0 && !ipam_only)
		ret = check_bridge(rule, network, pod, err);
	return ret < 0 || !in_process ? ret : check_ipam(rule, network, err);
}

int policy_check_answer(const struct policy_rule *rule, const struct cni_result *answer,
			bool is_gateway, struct cni_error *err)
{
	if (!rule || !rule->subnets.set)
		return 0;
	for (size_t i = 0; i < answer->ips.n; i++) {
		const struct ip_config *ip = &answer->ips.items[i];
		struct ip_prefix subnet = prefix_network(&ip->address);
		struct ip_prefix gateway = {ip->gateway, ip_bits(ip->gateway.family)};

		if (!subnet_is_within(&rule->subnets, &subnet))
			return refuse(rule, "subnets", err, "the address %s",
				      PREFIX_TEXT(&ip->address));
		if (is_gateway && ip->gateway.family &&
		    !ip_is_link_local6(&ip->gateway) &&
		    !subnet_is_within(&rule->subnets, &gateway))
			return refuse(rule, "subnets", err, "the gateway %s",
				      IP_TEXT(&ip->gateway));
	}
	return 0;
}

size_t policy_log_prefix(const struct policy_rule *rule, const char *path)
{
	size_t len = 0;

	if (rule && rule->log_files.set)
		return below(&rule->log_files, path);
	for (size_t i = 0; len == 0 && i < ARRAY_SIZE(log_prefixes); i++)
		len = path_below(log_prefixes[i], path);
	return len;
}
