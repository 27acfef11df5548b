/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at a configuration that was read without an error. */
#include "file_advice.h"

#include <string.h>

#include "bandwidth_conf.h"
#include "capabilities.h"
#include "conf/json/json_query.h"
#include "nearest_key.h"
#include "request.h"

#define HOST_LOCAL "host-local"

#define IS_GIVEN(doc, ...) json_has_at((doc), (const char *const[]){__VA_ARGS__, NULL})

/* A runtime passes these keys in runtimeConfig, each for the capability of the same name. */
static const char *const passed[] = {"portMappings", "bandwidth", "mac", "ips",
				     "ipRanges"};

static void advise_runtime_config(const struct json_doc *doc, struct notices *notices)
{
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		if (IS_GIVEN(doc, "runtimeConfig", passed[i]))
			notice(notices,
			       "runtimeConfig.%s: is for the runtime to write, for each pod; "
			       "in a file it goes to all pods, or is replaced; remove it, "
			       "and declare \"capabilities\": {\"%s\": true}",
			       passed[i], passed[i]);
}

/* Says which key needs host ports that no runtime passes. Returns whether there is one. */
static bool advise_port_keys(const struct json_doc *doc,
			     const struct capabilities *capabilities,
			     struct notices *notices)
{
	static const char *const keys[] = {"snat", "masqAll", "hostPortOverListener"};
	bool told = false;

	if (capabilities->port_mappings)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!IS_GIVEN(doc, keys[i]))
			continue;
		notice(notices,
		       "%s: nothing comes of this without the capability portMappings; "
		       "declare \"capabilities\": {\"portMappings\": true}, or remove it",
		       keys[i]);
		told = true;
	}
	return told;
}

/* Kubernetes asks host ports of the network that has the default route. */
static void advise_host_ports(const struct network *network,
			      const struct capabilities *capabilities, bool are_mapped,
			      struct notices *notices)
{
	bool is_pods = network->is_default_gateway && network->ipam.type &&
		       *network->ipam.type;

	if (is_pods && !capabilities->port_mappings_set && !are_mapped)
		notice(notices,
		       "capabilities: nothing here declares portMappings, so that host "
		       "ports of pods are ignored; declare \"capabilities\": "
		       "{\"portMappings\": true}, or false where pods are to have none");
}

static bool is_in_trunk(const struct network *network)
{
	for (size_t i = 0; network->vlan && i < network->vlan_trunk.n; i++) {
		const struct vlan_trunk *trunk = &network->vlan_trunk.items[i];

		if (trunk->id == network->vlan ||
		    (trunk->min_id <= network->vlan && network->vlan <= trunk->max_id))
			return true;
	}
	return false;
}

/* Tells of values that the reference plugins accept as well, with another effect.
 * conf/README.md compares all keys. */
static void advise_reference(const struct request *request, struct notices *notices)
{
	const struct network *network = &request->network;
	const struct json_doc *doc = request->doc;

	if (IS_GIVEN(doc, "mtu") && network->mtu == 0 &&
	    switch_has_bridge(network->switch_kind))
		notice(notices,
		       "mtu: 0 is the bridge's or the uplink's MTU here, where the "
		       "reference takes 1500; remove it, or write the number");
	if (request->pod.ports.masq_all)
		notice(notices, "masqAll: masquerades who comes by a host port; the "
				"reference with nftables masquerades all that is sent to "
				"the pod; remove it where pods are to see their clients");
	if (IS_GIVEN(doc, "vlanTrunk") && network->vlan_trunk.n == 0)
		notice(notices,
		       "vlanTrunk: an empty list is none here, where the reference "
		       "turns VLAN filtering on; remove it, or name VLANs");
	if (is_in_trunk(network))
		notice(notices,
		       "vlan: %u is among vlanTrunk's, and is untagged here, where the "
		       "reference tags it; take it out of vlanTrunk",
		       network->vlan);
}

/* A name that is like host-local's is another plugin's only where there is such a one. */
static void advise_ipam_type(const struct ipam_conf *ipam, struct notices *notices)
{
	struct nearest nearest;

	if (!ipam->type || !*ipam->type || strcmp(ipam->type, HOST_LOCAL) == 0)
		return;
	nearest = nearest_begin(ipam->type);
	nearest_compare(&nearest, HOST_LOCAL);
	if (nearest.found)
		notice(notices, "ipam.type: \"%s\" is another plugin; is \"%s\" meant?",
		       ipam->type, HOST_LOCAL);
}

/* Without a subnet beside them, these keys of a range are of none. */
static void advise_range_keys(const struct request *request, struct notices *notices)
{
	static const char *const keys[] = {"rangeStart", "rangeEnd", "gateway"};
	const struct ipam_conf *ipam = &request->network.ipam;

	if (!ipam->type || strcmp(ipam->type, HOST_LOCAL) != 0 || ipam->single_sets)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (IS_GIVEN(request->doc, "ipam", keys[i]))
			notice(notices,
			       "ipam.%s: nothing comes of this without ipam.subnet; move "
			       "it into the range of ipam.ranges that it is for",
			       keys[i]);
}

void advise_file(const struct request *request, bool ports_are_mapped,
		 struct notices *notices)
{
	struct capabilities capabilities = {};

	capabilities_read(request->doc, &capabilities, NULL);
	advise_runtime_config(request->doc, notices);
	if (!advise_port_keys(request->doc, &capabilities, notices))
		advise_host_ports(&request->network, &capabilities, ports_are_mapped,
				  notices);
	advise_ipam_type(&request->network.ipam, notices);
	advise_range_keys(request, notices);
	advise_reference(request, notices);
}

struct plugin_work plugin_work_of(const struct json_doc *doc)
{
	struct capabilities capabilities = {};
	struct bandwidth bandwidth = {};

	capabilities_read(doc, &capabilities, NULL);
	bandwidth_read(doc, &bandwidth, NULL);
	return (struct plugin_work){
		.maps_ports = capabilities.port_mappings,
		.limits_rates = capabilities.bandwidth || bandwidth.ingress.rate ||
				bandwidth.egress.rate,
	};
}
