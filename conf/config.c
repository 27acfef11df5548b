/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the parts of a configuration, each by its own table. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "capabilities.h"
#include "conf/json/json_table.h"
#include "host_local_conf.h"
#include "identity.h"
#include "prev_result.h"
#include "range_gateways.h"
#include "requested_mac.h"
#include "ovs_keys.h"
#include "switch_keys.h"

static int check_ranges(const struct json_doc *doc, enum config_scope scope,
			const struct network *network, struct cni_error *err)
{
	struct capabilities capabilities = {};

	if (network->ipam.sets.n > 0)
		return 0;
	if (scope == CONFIG_FILE && capabilities_read(doc, &capabilities, NULL) == 0 &&
	    capabilities.ip_ranges)
		return 0;
	return error_set(err, CNI_ERR_CONFIG, EINVAL,
			 "ipam.ranges: missing, expected a range set such as "
			 "[[{\"subnet\": \"10.1.2.0/24\"}]]");
}

/* The parts of a configuration that each scope reads. */
static const struct scope {
	/* of the network's own keys; NULL: they are another plugin's */
	const struct json_type *root;
	/* of ipam, where it is host-local's: with @root by its type, else always */
	enum {
		IPAM_UNREAD,
		IPAM_IDENTITY,
		IPAM_WHOLE,
	} ipam;
	bool prev_result;
	bool ready; /* for a pod: what it needs has to be there, and to fit together */
} scopes[] = {
	[CONFIG_WHOLE] = {&network_root, IPAM_WHOLE, true, true},
	[CONFIG_FILE] = {&network_root, IPAM_WHOLE, true, true},
	[CONFIG_NETWORK] = {&network_root, IPAM_WHOLE, false, false},
	[CONFIG_IDENTITY] = {&network_identity_root, IPAM_IDENTITY, false, false},
	[CONFIG_IPAM] = {NULL, IPAM_WHOLE, false, false},
	[CONFIG_IPAM_CHECK] = {NULL, IPAM_WHOLE, true, false},
	[CONFIG_IPAM_IDENTITY] = {NULL, IPAM_IDENTITY, false, false},
	[CONFIG_PREV_RESULT] = {NULL, IPAM_UNREAD, true, false},
	[CONFIG_NAME] = {NULL, IPAM_UNREAD, false, false},
};

/* Reads what the configuration says of the one pod that it is given for. */
static int pod_keys_read(const struct json_doc *doc, enum config_scope scope_nr,
			 struct network *network, struct pod *pod, struct cni_error *err)
{
	const struct scope *scope = &scopes[scope_nr];
	bool has_ipam = network->ipam.type && *network->ipam.type;
	int ret = 0;

	pod->mac_spoof_check = network->mac_spoof_check;
	pod->spoof_check = network->spoof_check;
	pod->routed = network->routed;
	pod->quiet = network->quiet_bridge;
	if (scope->root == &network_root)
		ret = requested_mac_read(doc, switch_has_bridge(network->switch_kind),
					 &pod->mac, err);
	if (ret == 0 && scope->root == &network_root &&
	    !switch_has_bridge(network->switch_kind))
		ret = macvlan_conf_read(doc, network->switch_kind, &network->macvlan,
					err);
	if (ret == 0 && scope->ready)
		ret = bandwidth_read(doc, &pod->bandwidth, err);
	if (ret == 0 && scope->root == &network_root)
		ret = port_mappings_read(doc, has_ipam, &network->ports, &pod->ports,
					 err);
	if (ret == 0 && scope->prev_result)
		ret = prev_result_read(doc, &pod->has_prev_result, &pod->prev_result,
				       err);
	return ret;
}

/* Sets the keys that others imply. */
static void complete(struct network *network)
{
	if (network->is_default_gateway)
		network->is_gateway = true;
	network->ready_when_exhausted = network->status_on_exhaustion &&
					strcmp(network->status_on_exhaustion, "ready") ==
						0;
	network->routed = network->pod_link && strcmp(network->pod_link, "routed") == 0;
	if (network->spoof_check)
		network->mac_spoof_check = true;
	if (!network->enable_dad_set && !switch_has_bridge(network->switch_kind))
		network->enable_dad = true;
	if (network->ipam_timeout == 0)
		network->ipam_timeout = DEFAULT_IPAM_TIMEOUT;
}

/* Reads the keys that the network's switch alone has. */
static int switch_conf_read(const struct json_doc *doc, bool whole,
			    struct network *network, struct cni_error *err)
{
	if (network->switch_kind != SWITCH_OVS)
		return 0;
	return whole ? ovs_conf_read(doc, network, err)
		     : ovs_socket_read(doc, network, err);
}

int config_read(const struct json_doc *doc, enum config_scope scope_nr,
		struct network *ret_network, struct pod *ret_pod, struct cni_error *err)
{
	const struct scope *scope = &scopes[scope_nr];
	_cleanup_(network_clear) struct network network = {
		.bridge = "",
		.ipam.data_dir = DEFAULT_DATA_DIR,
	};
	_cleanup_(pod_clear) struct pod pod = {};
	bool in_process, whole_ipam = scope->ipam == IPAM_WHOLE;
	int ret;

	ret = cni_version_read(doc, &network.version, err);
	if (ret == 0)
		ret = network_refuse_list(doc, err);
	if (ret < 0)
		return ret;
	ret = network_name_read(doc, &network.name, err);
	if (ret == 0 && scope->root)
		ret = json_read(doc, scope->root, &network, err);
	if (ret < 0)
		return ret;
	if (scope->root == &network_identity_root)
		network_switch_find(doc, &network);
	if (scope->root)
		switch_settle(&network);
	if (scope->root == &network_root)
		ret = switch_check(&network, err);
	if (ret == 0 && scope->root == &network_root)
		ret = switch_keys_settle(&network, NULL, err);
	if (ret == 0 && scope->root)
		ret = switch_conf_read(doc, scope->root == &network_root, &network, err);
	if (ret < 0)
		return ret;
	complete(&network);
	in_process = scope->ipam &&
		     (!scope->root || (network.ipam.type &&
				       strcmp(network.ipam.type, "host-local") == 0));
	if (in_process)
		ret = host_local_read(doc, whole_ipam, network.version, &network.ipam,
				      &pod.runtime_ips, &pod.args_ips, err);
	if (ret == 0 && in_process && whole_ipam && scope_nr != CONFIG_NETWORK)
		ret = check_ranges(doc, scope_nr, &network, err);
	if (ret == 0 && in_process && scope->ready)
		ret = range_gateways_check(&network.ipam, network.is_gateway, err);
	if (ret == 0 && scope->root == &network_root)
		ret = network_check(&network, err);
	if (ret == 0)
		ret = pod_keys_read(doc, scope_nr, &network, &pod, err);
	if (ret == 0 && scope->root == &network_root)
		ret = switch_keys_settle(&network, &pod, err);
	if (ret < 0)
		return ret;
	network.owner = identity_owner(network.name, network.bridge,
				       network.ipam.data_dir);
	*ret_network = network;
	network = (struct network){};
	*ret_pod = pod;
	pod = (struct pod){};
	return 0;
}
