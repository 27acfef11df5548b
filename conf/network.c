/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of a configuration, and how much of it an operation reads. Ranges are
 * ranges.c's, prevResult is prev_result.c's, what they share is tables.c's.
 */
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "identity.h"
#include "names.h"
#include "tables.h"

/* Read before everything else: what decides how the rest is to be understood. */
struct head {
	const char *version;
	const char *name;
};

static const struct json_field version_fields[] = {
	FIELD(struct head, version, "cniVersion", &text_type),
};
static const struct json_type version_root = OBJECT(version_fields);

static const struct json_field name_fields[] = {
	FIELD(struct head, name, "name", &text_type),
};
static const struct json_type name_root = OBJECT(name_fields);

static int bridge_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const char *bridge = *(const char **)value;

	if (ifname_valid(bridge))
		return 0;
	return json_error(path, NULL, err,
			  "\"%s\" is not an interface name, expected 1 to 15 bytes, not "
			  "\".\" or \"..\", without '/', ':', '%%' and white space",
			  bridge);
}

static const struct json_type bridge_type = {.kind = JSON_TEXT, .check = bridge_check};
static const struct json_type mtu_type = {
	.kind = JSON_U32,
	.min = BRIDGE_MTU_MIN,
	.max = BRIDGE_MTU_MAX,
	.or_zero = true,
};

static int masq_backend_check(void *value, const struct json_path *path,
			      struct cni_error *err)
{
	const char *backend = *(const char **)value;

	if (!*backend || strcmp(backend, "nftables") == 0)
		return 0;
	if (strcmp(backend, "iptables") == 0)
		return error_set(
			err, CNI_ERR_UNSUPPORTED_FIELD, ENOTSUP,
			"ipMasqBackend: \"iptables\" is not supported: rules are "
			"written for nftables only, which iptables-nft shares the "
			"kernel with; remove the key or set \"nftables\"");
	return json_error(path, NULL, err, "\"%s\" is no backend, expected \"nftables\"",
			  backend);
}

static int prefix_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const struct ip_prefix *prefix = value;
	struct ip_prefix network = prefix_network(prefix);

	if (prefix_equal(&network, prefix))
		return 0;
	return json_error(path, NULL, err, "%s has host bits set: the network is %s",
			  PREFIX_TEXT(prefix), PREFIX_TEXT(&network));
}

static int vlan_trunk_check(void *value, const struct json_path *path,
			    struct cni_error *err)
{
	const struct vlan_trunk *trunk = value;

	if (!trunk->min_id != !trunk->max_id)
		return json_error(path, trunk->min_id ? "maxID" : "minID", err,
				  "missing, expected minID and maxID together");
	if (trunk->min_id > trunk->max_id)
		return json_error(path, "minID", err, "%u is greater than maxID %u",
				  trunk->min_id, trunk->max_id);
	return 0;
}

static int exhaustion_check(void *value, const struct json_path *path,
			    struct cni_error *err)
{
	const char *state = *(const char **)value;

	if (!*state || strcmp(state, "fail") == 0 || strcmp(state, "ready") == 0)
		return 0;
	return json_error(path, NULL, err,
			  "\"%s\" is no state, expected \"fail\" or \"ready\"", state);
}

static const struct json_type exhaustion_type = {
	.kind = JSON_TEXT,
	.check = exhaustion_check,
};
static const struct json_type masq_backend_type = {
	.kind = JSON_TEXT,
	.check = masq_backend_check,
};
static const struct json_type network_type = {.kind = JSON_PREFIX, .check = prefix_check};
static const struct json_type prefixes_type = {
	.kind = JSON_LIST,
	.max = NON_MASQUERADE_MAX,
	.item = &network_type,
	.item_size = sizeof(struct ip_prefix),
};
static const struct json_type vlan_type = {.kind = JSON_U32, .max = VLAN_ID_MAX};
static const struct json_type vlan_id_type = {
	.kind = JSON_U32,
	.min = 1,
	.max = VLAN_ID_MAX,
};
static const struct json_field vlan_trunk_fields[] = {
	FIELD(struct vlan_trunk, id, "id", &vlan_id_type),
	FIELD(struct vlan_trunk, min_id, "minID", &vlan_id_type),
	FIELD(struct vlan_trunk, max_id, "maxID", &vlan_id_type),
};
static const struct json_type vlan_trunk_type = {
	.kind = JSON_OBJECT,
	.fields = vlan_trunk_fields,
	.n_fields = ARRAY_SIZE(vlan_trunk_fields),
	.check = vlan_trunk_check,
};
static const struct json_type vlan_trunks_type = {
	.kind = JSON_LIST,
	.max = VLAN_TRUNKS_MAX,
	.item = &vlan_trunk_type,
	.item_size = sizeof(struct vlan_trunk),
};

/* DEL and GC: what the attachment is found by. */
static const struct json_field identity_fields[] = {
	FIELD(struct network, bridge, "bridge", &bridge_type),
	FIELD(struct network, ipam, "ipam", &ipam_type),
	FIELD(struct network, ipam_timeout, "ipamTimeoutSeconds", &ipam_timeout_type),
	FIELD(struct network, del_waits, "delWaits", &bool_type),
};
static const struct json_type identity_root = OBJECT(identity_fields);

static const struct json_field whole_fields[] = {
	FIELD(struct network, bridge, "bridge", &bridge_type),
	FIELD(struct network, ipam, "ipam", &ipam_type),
	FIELD(struct network, ipam_timeout, "ipamTimeoutSeconds", &ipam_timeout_type),
	FIELD(struct network, del_waits, "delWaits", &bool_type),
	FIELD(struct network, is_gateway, "isGateway", &bool_type),
	FIELD(struct network, is_default_gateway, "isDefaultGateway", &bool_type),
	FIELD(struct network, ip_masq, "ipMasq", &bool_type),
	FIELD(struct network, type, "type", &text_type),
	FIELD(struct network, masq_backend, "ipMasqBackend", &masq_backend_type),
	FIELD(struct network, masq_fully_random, "ipMasqFullyRandom", &bool_type),
	FIELD(struct network, non_masquerade, "nonMasqueradeCIDRs", &prefixes_type),
	FIELD(struct network, hairpin_mode, "hairpinMode", &bool_type),
	FIELD(struct network, promisc_mode, "promiscMode", &bool_type),
	FIELD(struct network, force_address, "forceAddress", &bool_type),
	FIELD(struct network, port_isolation, "portIsolation", &bool_type),
	FIELD(struct network, enable_dad, "enabledad", &bool_type),
	FIELD(struct network, disable_container_interface, "disableContainerInterface",
	      &bool_type),
	FIELD(struct network, mac_spoof_check, "macspoofchk", &bool_type),
	FIELD(struct network, spoof_check, "spoofCheck", &bool_type),
	FIELD(struct network, mtu, "mtu", &mtu_type),
	FIELD(struct network, metric, "metric", &u32_type),
	FIELD(struct network, vlan, "vlan", &vlan_type),
	FIELD(struct network, vlan_trunk, "vlanTrunk", &vlan_trunks_type),
	FIELD(struct network, preserve_default_vlan, "preserveDefaultVlan", &bool_type),
	FIELD(struct network, status_on_exhaustion, "statusOnExhaustion",
	      &exhaustion_type),
	FIELD(struct network, dns, "dns", &dns_type),
};
const struct json_type network_root = OBJECT(whole_fields);

int cni_version_read(const struct json_doc *doc, enum cni_version *ret_version,
		     struct cni_error *err)
{
	struct head head = {};
	char supported[64] = "";
	size_t used = 0;
	int r;

	r = json_read(doc, &version_root, &head, err);
	if (r < 0)
		return r;
	if (!head.version || !*head.version) {
		*ret_version = CNI_0_1_0;
		return 0;
	}
	if (cni_version_parse(head.version, ret_version) == 0)
		return 0;
	r = error_set(err, CNI_ERR_VERSION, EINVAL, "cniVersion: \"%s\" is not supported",
		      head.version);
	for (int v = 0; v < CNI_VERSIONS; v++)
		used += snprintf(supported + used, sizeof(supported) - used, "%s%s",
				 v ? ", " : "", cni_version_names[v]);
	error_details(err, "supported versions: %s", supported);
	return r;
}

int network_refuse_list(const struct json_doc *doc, struct cni_error *err)
{
	if (!json_has_list(doc, "plugins"))
		return 0;
	return error_set(
		err, CNI_ERR_CONFIG, EINVAL,
		"plugins: expected the configuration of one plugin, found a list; "
		"take one of its plugins, and add the list's name and cniVersion "
		"to it");
}

const char *network_name_read(const struct json_doc *doc)
{
	struct head head = {};

	return json_read(doc, &name_root, &head, NULL) == 0 && head.name &&
			       cni_name_valid(head.name)
		       ? head.name
		       : NULL;
}

static int read_name(const struct json_doc *doc, struct network *network,
		     struct cni_error *err)
{
	struct head head = {};
	int r;

	r = json_read(doc, &name_root, &head, err);
	if (r < 0)
		return r;
	if (!head.name || !*head.name)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "name: missing network name");
	if (!cni_name_valid(head.name))
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "name: \"%s\" is not a network name, expected at most "
				 "%d letters, digits, '_', '.' and '-', a letter or "
				 "digit first",
				 head.name, CNI_NAME_MAX);
	network->name = head.name;
	return 0;
}

/* Below 1280 the kernel turns IPv6 off on an interface. */
static int check_mtu(const struct network *network, struct cni_error *err)
{
	const struct range_set_list *sets = &network->ipam.sets;

	if (network->mtu == 0 || network->mtu >= BRIDGE_MTU_MIN_IPV6)
		return 0;
	for (size_t i = 0; i < sets->n; i++) {
		const struct ip_prefix *subnet = &sets->items[i].ranges[0].subnet;

		if (subnet->addr.family == AF_INET6)
			return error_set(err, CNI_ERR_CONFIG, EINVAL,
					 "mtu: %u is too small for the IPv6 subnet %s, "
					 "expected at least %d",
					 network->mtu, PREFIX_TEXT(subnet),
					 BRIDGE_MTU_MIN_IPV6);
	}
	return 0;
}

static int refuse_together(struct cni_error *err, const char *key, const char *other,
			   const char *why)
{
	return error_set(err, CNI_ERR_CONFIG, EINVAL,
			 "%s: can't be set together with %s: %s", key, other, why);
}

static int check_combinations(const struct network *network, struct cni_error *err)
{
	char gateway[64];

	if (network->hairpin_mode && network->promisc_mode)
		return refuse_together(err, "promiscMode", "hairpinMode",
				       "the pod would get its own frames twice");
	if (network->disable_container_interface && network->ipam.type &&
	    *network->ipam.type)
		return refuse_together(err, "disableContainerInterface", "ipam.type",
				       "an interface that stays down takes no address");
	if (network->vlan && network->is_gateway) {
		snprintf(gateway, sizeof(gateway), "%s.%u", network->bridge,
			 network->vlan);
		if (!ifname_valid(gateway))
			return error_set(err, CNI_ERR_CONFIG, EINVAL,
					 "bridge: with isGateway and vlan the gateway's "
					 "interface would be \"%s\", which is too long; "
					 "give the bridge a shorter name",
					 gateway);
	}
	return check_mtu(network, err);
}

static int check_ranges(const struct network *network, struct cni_error *err)
{
	if (network->ipam.sets.n > 0)
		return 0;
	return error_set(err, CNI_ERR_CONFIG, EINVAL,
			 "ipam.ranges: missing, expected a range set such as "
			 "[[{\"subnet\": \"10.1.2.0/24\"}]]");
}

static const struct scope {
	const struct json_type *root; /* NULL: ipam is host-local's, the rest another's */
	bool whole_ipam, prev_result;
} scopes[] = {
	[REQUEST_WHOLE] = {&network_root, true, true},
	[REQUEST_NETWORK] = {&network_root, true, false},
	[REQUEST_IDENTITY] = {&identity_root, false, false},
	[REQUEST_IPAM] = {NULL, true, false},
	[REQUEST_IPAM_CHECK] = {NULL, true, true},
	[REQUEST_IPAM_IDENTITY] = {NULL, false, false},
};

/* What the configuration says of the one pod that it is given for. */
static int pod_keys_read(const struct json_doc *doc, enum request_scope scope_nr,
			 struct network *network, struct pod *pod, struct cni_error *err)
{
	const struct scope *scope = &scopes[scope_nr];
	bool has_ipam = network->ipam.type && *network->ipam.type;
	int r = 0;

	pod->mac_spoof_check = network->mac_spoof_check;
	pod->spoof_check = network->spoof_check;
	if (scope->root == &network_root)
		r = requested_mac_read(doc, &pod->mac, err);
	if (r == 0 && scope_nr == REQUEST_WHOLE)
		r = bandwidth_read(doc, &pod->bandwidth, err);
	if (r == 0 && scope->root == &network_root)
		r = port_mappings_read(doc, has_ipam, &network->ports, &pod->ports, err);
	if (r == 0 && scope->prev_result)
		r = prev_result_read(doc, &pod->has_prev_result, &pod->prev_result, err);
	return r;
}

int network_read(const struct json_doc *doc, enum request_scope scope_nr,
		 struct network *ret_network, struct pod *ret_pod, struct cni_error *err)
{
	const struct scope *scope = &scopes[scope_nr];
	_cleanup_(network_clear) struct network network = {
		.bridge = scope->root ? DEFAULT_BRIDGE : "",
		.ipam.data_dir = DEFAULT_DATA_DIR,
	};
	_cleanup_(pod_clear) struct pod pod = {};
	bool in_process;
	int r;

	r = cni_version_read(doc, &network.version, err);
	if (r == 0)
		r = network_refuse_list(doc, err);
	if (r < 0)
		return r;
	r = read_name(doc, &network, err);
	if (r < 0)
		return r;
	if (scope->root)
		r = json_read(doc, scope->root, &network, err);
	if (r < 0)
		return r;
	if (network.is_default_gateway)
		network.is_gateway = true;
	network.ready_when_exhausted = network.status_on_exhaustion &&
				       strcmp(network.status_on_exhaustion, "ready") == 0;
	if (network.spoof_check)
		network.mac_spoof_check = true;
	if (network.ipam_timeout == 0)
		network.ipam_timeout = DEFAULT_IPAM_TIMEOUT;
	in_process = !scope->root ||
		     (network.ipam.type && strcmp(network.ipam.type, "host-local") == 0);
	if (in_process)
		r = host_local_read(doc, scope->whole_ipam, network.version,
				    &network.ipam, &pod, err);
	if (r == 0 && in_process && scope->whole_ipam && scope_nr != REQUEST_NETWORK)
		r = check_ranges(&network, err);
	if (r == 0 && in_process && scope_nr == REQUEST_WHOLE)
		r = range_gateways_check(&network.ipam, network.is_gateway, err);
	if (r == 0 && scope->root == &network_root)
		r = check_combinations(&network, err);
	if (r == 0)
		r = pod_keys_read(doc, scope_nr, &network, &pod, err);
	if (r < 0)
		return r;
	network.owner = identity_owner(network.name, network.bridge,
				       network.ipam.data_dir);
	*ret_network = network;
	network = (struct network){};
	*ret_pod = pod;
	pod = (struct pod){};
	return 0;
}

uint16_t network_native_vlan(const struct network *network)
{
	if (network->vlan)
		return network->vlan;
	for (size_t i = 0; i < network->vlan_trunk.n; i++)
		if (network->vlan_trunk.items[i].id ||
		    network->vlan_trunk.items[i].min_id)
			return 1;
	return 0;
}

void network_clear(struct network *network)
{
	host_local_conf_clear(&network->ipam);
	free(network->non_masquerade.items);
	free(network->vlan_trunk.items);
	dns_clear(&network->dns);
	*network = (struct network){};
}
