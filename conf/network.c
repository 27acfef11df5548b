/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of a network's own keys. Other tables have what concerns IPAM
 * (host_local_conf.c), host ports (port_mappings.c), the log (log_conf.c) and one pod
 * (bandwidth_conf.c, requested_mac.c, prev_result.c).
 */
#include "network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "names.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "host_local_conf.h"

#define VLAN_ID_MAX	    4094
#define VLAN_TRUNKS_MAX	    VLAN_ID_MAX
#define BRIDGE_MTU_MIN	    68
#define BRIDGE_MTU_MAX	    65535
#define BRIDGE_MTU_MIN_IPV6 1280 /* RFC 8200, section 5 */

/* The name alone, which is read before the rest. */
struct name {
	const char *text;
};

static const struct json_field name_fields[] = {
	FIELD(struct name, text, "name", &text_type),
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

static const struct json_type pod_link_type = {
	.kind = JSON_TEXT,
	.words = (const char *const[]){"bridged", "routed", NULL},
	.or_zero = true,
};
const struct json_type isolate_type = {
	.kind = JSON_LEVEL,
	.words = (const char *const[]){[ISOLATE_STRICTLY - 2] = "strict", NULL},
};
static const struct json_type exhaustion_type = {
	.kind = JSON_TEXT,
	.words = (const char *const[]){"fail", "ready", NULL},
	.or_zero = true,
};
static const struct json_type masq_backend_type = {
	.kind = JSON_TEXT,
	.check = masq_backend_check,
};
static const struct json_type prefixes_type = {
	.kind = JSON_LIST,
	.max = NON_MASQUERADE_MAX,
	.item = &network_prefix_type,
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

static const struct json_type ipam_timeout_type = {
	.kind = JSON_U32,
	.min = 1,
	.max = IPAM_TIMEOUT_MAX,
	.or_zero = true,
};

/* An IPAM plugin is looked for in the directories of CNI_PATH, and nowhere else. */
static int ipam_type_check(void *value, const struct json_path *path,
			   struct cni_error *err)
{
	const char *type = *(const char **)value;

	if (!strchr(type, '/'))
		return 0;
	return json_error(path, NULL, err,
			  "\"%s\" has a '/', expected the name of an IPAM plugin in a "
			  "directory of CNI_PATH",
			  type);
}

static const struct json_type ipam_type_type = {
	.kind = JSON_TEXT,
	.check = ipam_type_check,
};

/* Only the type of ipam is read here: the IPAM of that type judges the rest. */
static const struct json_field ipam_fields[] = {
	FIELD(struct ipam_conf, type, "type", &ipam_type_type),
};
static const struct json_type ipam_type = OBJECT(ipam_fields);

/* The keys by which DEL and GC find an attachment. */
static const struct json_field identity_fields[] = {
	FIELD_SET(struct network, bridge, bridge_set, "bridge", &bridge_type),
	FIELD(struct network, ipam, "ipam", &ipam_type),
	FIELD(struct network, ipam_timeout, "ipamTimeoutSeconds", &ipam_timeout_type),
	FIELD(struct network, del_waits, "delWaits", &bool_type),
	FIELD(struct network, fast_path, "fastPath", &bool_type),
};
const struct json_type network_identity_root = OBJECT(identity_fields);

/* The keys that name the switch. */
static const struct json_field type_fields[] = {
	FIELD(struct network, type, "type", &text_type),
};
static const struct json_field switch_fields[] = {
	FIELD(struct network, switch_word, "switch", &switch_type),
};
static const struct json_type type_root = OBJECT(type_fields);
static const struct json_type switch_root = OBJECT(switch_fields);

static const struct json_field whole_fields[] = {
	FIELD(struct network, type, "type", &text_type),
	FIELD(struct network, switch_word, "switch", &switch_type),
	FIELD_SET(struct network, bridge, bridge_set, "bridge", &bridge_type),
	FIELD(struct network, ipam, "ipam", &ipam_type),
	FIELD(struct network, ipam_timeout, "ipamTimeoutSeconds", &ipam_timeout_type),
	FIELD(struct network, del_waits, "delWaits", &bool_type),
	FIELD(struct network, is_gateway, "isGateway", &bool_type),
	FIELD(struct network, is_default_gateway, "isDefaultGateway", &bool_type),
	FIELD(struct network, ip_masq, "ipMasq", &bool_type),
	FIELD(struct network, masq_backend, "ipMasqBackend", &masq_backend_type),
	FIELD(struct network, masq_fully_random, "ipMasqFullyRandom", &bool_type),
	FIELD(struct network, non_masquerade, "nonMasqueradeCIDRs", &prefixes_type),
	FIELD(struct network, hairpin_mode, "hairpinMode", &bool_type),
	FIELD(struct network, promisc_mode, "promiscMode", &bool_type),
	FIELD(struct network, force_address, "forceAddress", &bool_type),
	FIELD(struct network, port_isolation, "portIsolation", &bool_type),
	FIELD(struct network, isolate, "isolate", &isolate_type),
	FIELD(struct network, fast_path, "fastPath", &bool_type),
	FIELD_SET(struct network, accept_ra, accept_ra_set, "acceptRA", &bool_type),
	FIELD(struct network, pod_link, "podLink", &pod_link_type),
	FIELD(struct network, quiet_bridge, "quietBridge", &bool_type),
	FIELD_SET(struct network, enable_dad, enable_dad_set, "enabledad", &bool_type),
	FIELD(struct network, disable_container_interface, "disableContainerInterface",
	      &bool_type),
	FIELD(struct network, mac_spoof_check, "macspoofchk", &bool_type),
	FIELD(struct network, spoof_check, "spoofCheck", &bool_type),
	FIELD(struct network, mtu, "mtu", &mtu_type),
	FIELD(struct network, metric, "metric", &u32_type),
	FIELD_SET(struct network, vlan, vlan_set, "vlan", &vlan_type),
	FIELD(struct network, vlan_trunk, "vlanTrunk", &vlan_trunks_type),
	FIELD(struct network, preserve_default_vlan, "preserveDefaultVlan", &bool_type),
	FIELD(struct network, status_on_exhaustion, "statusOnExhaustion",
	      &exhaustion_type),
	FIELD(struct network, draining, "draining", &bool_type),
	FIELD(struct network, wait_for_agent, "waitForAgent", &bool_type),
	FIELD(struct network, dns, "dns", &dns_type),
};
const struct json_type network_root = OBJECT(whole_fields);

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

const char *network_name_find(const struct json_doc *doc)
{
	struct name name = {};

	return json_read(doc, &name_root, &name, NULL) == 0 && name.text &&
			       cni_name_valid(name.text)
		       ? name.text
		       : NULL;
}

int network_name_read(const struct json_doc *doc, const char **ret_name,
		      struct cni_error *err)
{
	struct name name = {};
	int ret = json_read(doc, &name_root, &name, err);

	if (ret < 0)
		return ret;
	if (!name.text || !*name.text)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "name: missing network name");
	if (!cni_name_valid(name.text))
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "name: \"%s\" is not a network name, expected at most "
				 "%d letters, digits, '_', '.' and '-', a letter or "
				 "digit first",
				 name.text, CNI_NAME_MAX);
	*ret_name = name.text;
	return 0;
}

void network_switch_find(const struct json_doc *doc, struct network *network)
{
	(void)json_read(doc, &type_root, network, NULL);
	(void)json_read(doc, &switch_root, network, NULL);
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

bool network_takes_prev_result(const struct network *network)
{
	return network->switch_kind == SWITCH_IPVLAN &&
	       !(network->ipam.type && *network->ipam.type);
}

int network_check_prev_result(const struct network *network, bool gives,
			      struct cni_error *err)
{
	if (gives || !network_takes_prev_result(network))
		return 0;
	return error_set(err, CNI_ERR_CONFIG, EINVAL,
			 "ipam.type: missing, expected an IPAM plugin, or a plugin "
			 "before this one in the list whose result (prevResult) has an "
			 "address, as the switch \"ipvlan\" passes frames on by "
			 "addresses");
}

int network_check(const struct network *network, struct cni_error *err)
{
	char gateway[64];

	if (network->hairpin_mode && network->promisc_mode)
		return refuse_together(err, "promiscMode", "hairpinMode",
				       "the pod would get its own frames twice");
	if (network->disable_container_interface && network->ipam.type &&
	    *network->ipam.type)
		return refuse_together(err, "disableContainerInterface", "ipam.type",
				       "an interface that stays down takes no address");
	if (network->routed && network->disable_container_interface)
		return refuse_together(err, "podLink \"routed\"",
				       "disableContainerInterface",
				       "routes need an interface that is up");
	if (network->routed && !network->is_gateway)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "podLink: \"routed\" needs isGateway or "
				 "isDefaultGateway, as the node routes between pods");
	if (network->routed && !(network->ipam.type && *network->ipam.type))
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "podLink: \"routed\" needs ipam.type, as the node "
				 "routes to the pods' addresses");
	if (network->vlan && network->isolate && !network->is_gateway)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "isolate: with vlan it needs isGateway or "
				 "isDefaultGateway, as packets of the VLAN are told by "
				 "the interface of its gateway");
	if (network->quiet_bridge && network->vlan_trunk.n > 0)
		return refuse_together(err, "quietBridge", "vlanTrunk",
				       "behind a trunk port there may be more MAC "
				       "addresses than the pod's");
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

const char *isolate_word(enum isolate isolate)
{
	return isolate == ISOLATE_STRICTLY ? "strict" : isolate ? "true" : "false";
}

void network_gateway_ifname(const struct network *network, char ret_ifname[IF_NAMESIZE])
{
	char name[64];

	if (network->vlan && network->is_gateway)
		snprintf(name, sizeof(name), "%s.%u", network->bridge, network->vlan);
	else
		snprintf(name, sizeof(name), "%s", network->bridge);
	memcpy(ret_ifname, name, IF_NAMESIZE - 1);
	ret_ifname[IF_NAMESIZE - 1] = '\0';
}

void network_clear(struct network *network)
{
	host_local_conf_clear(&network->ipam);
	free(network->non_masquerade.items);
	free(network->vlan_trunk.items);
	free(network->ovs.trunk.items);
	dns_clear(&network->dns);
	*network = (struct network){};
}
