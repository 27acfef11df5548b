/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of keys and switches. Keys that every switch serves are not in it. */
#include "switch_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/util.h"

/* The switch that `type` names. True: it does. */
static bool type_find(const struct network *network, enum switch_kind *ret_kind)
{
	return network->type && switch_find(network->type, ret_kind);
}

void switch_settle(struct network *network)
{
	network->is_of_type = type_find(network, &network->switch_kind);
	if (network->switch_word && *network->switch_word)
		switch_find(network->switch_word, &network->switch_kind);
	if (switch_place(network->switch_kind))
		network->bridge = switch_place(network->switch_kind);
	else if (!network->bridge_set)
		network->bridge = DEFAULT_BRIDGE;
}

int switch_check(const struct network *network, struct cni_error *err)
{
	enum switch_kind kind = network->switch_kind, named;

	if (type_find(network, &named) && named != kind)
		return error_set(
			err, CNI_ERR_CONFIG, EINVAL,
			"switch: \"%s\" contradicts the type \"%s\", which is "
			"the name of another switch; remove the key, or set type "
			"to \"bridge-cni\"",
			switch_word(kind), network->type);
	return 0;
}

#define BRIDGE	SWITCH_BIT(SWITCH_BRIDGE)
#define OVS	SWITCH_BIT(SWITCH_OVS)
#define MACVLAN SWITCH_BIT(SWITCH_MACVLAN)

/* The fate of a key that the switch can't serve. */
enum duty {
	EFFECT, /* it is refused, or ignored where the reference plugin ignores it */
	GUARD, /* it is refused, as somebody relies on it */
};

struct asked_key {
	const char *key;
	unsigned int switches; /* those that serve it */
	enum duty duty;
	bool is_asked;
	/* cleared to take the key back; NULL: a guard's, or the host ports */
	void *value;
	size_t size;
};

#define KEYS_MAX 32

#define VALUE(member) &network->member, sizeof(network->member)

/* The rows. Their number is the bit in network->unserved. */
static size_t keys_fill(struct network *network, struct pod *pod,
			struct asked_key ret_keys[KEYS_MAX])
{
	struct bandwidth *rates = pod ? &pod->bandwidth : NULL;
	struct mac_addr *mac = pod ? &pod->mac : NULL;
	bool routed = network->pod_link && strcmp(network->pod_link, "routed") == 0;
	const struct asked_key keys[] = {
		{"bridge", BRIDGE | OVS, EFFECT, network->bridge_set, VALUE(bridge_set)},
		{"isDefaultGateway", BRIDGE | OVS, EFFECT, network->is_default_gateway,
		 VALUE(is_default_gateway)},
		{"isGateway", BRIDGE | OVS, EFFECT, network->is_gateway,
		 VALUE(is_gateway)},
		{"ipMasq", BRIDGE | OVS, EFFECT, network->ip_masq, VALUE(ip_masq)},
		{"hairpinMode", BRIDGE, EFFECT, network->hairpin_mode,
		 VALUE(hairpin_mode)},
		{"promiscMode", BRIDGE, EFFECT, network->promisc_mode,
		 VALUE(promisc_mode)},
		{"forceAddress", BRIDGE | OVS, EFFECT, network->force_address,
		 VALUE(force_address)},
		{"preserveDefaultVlan", BRIDGE, EFFECT, network->preserve_default_vlan,
		 VALUE(preserve_default_vlan)},
		/* The node sees a macvlan while it is up. */
		{"disableContainerInterface", BRIDGE | OVS, EFFECT,
		 network->disable_container_interface,
		 VALUE(disable_container_interface)},
		{"fastPath", BRIDGE, EFFECT, network->fast_path, VALUE(fast_path)},
		{"quietBridge", BRIDGE, EFFECT, network->quiet_bridge,
		 VALUE(quiet_bridge)},
		{"portIsolation", BRIDGE, GUARD, network->port_isolation, NULL, 0},
		{"isolate", BRIDGE | OVS, GUARD, network->isolate, NULL, 0},
		{"podLink", BRIDGE, GUARD, routed, NULL, 0},
		{"spoofCheck", BRIDGE, GUARD, network->spoof_check, NULL, 0},
		{"macspoofchk", BRIDGE, GUARD, network->mac_spoof_check, NULL, 0},
		{"vlan", BRIDGE | OVS, GUARD, network->vlan != 0, NULL, 0},
		{"vlanTrunk", BRIDGE, GUARD, network->vlan_trunk.n > 0, NULL, 0},
		{"runtimeConfig.portMappings", BRIDGE | OVS, EFFECT,
		 pod && pod->ports.mappings.n > 0, NULL, 0},
		{"ingressRate, egressRate", BRIDGE | OVS, EFFECT,
		 rates && (rates->ingress.rate || rates->egress.rate), rates,
		 sizeof(*rates)},
		/* However it is asked for. An ipvlan has its master's. */
		{"mac", BRIDGE | OVS | MACVLAN, EFFECT, mac && mac->set, mac,
		 sizeof(*mac)},
		{"bcqueuelen", MACVLAN, EFFECT, network->macvlan.bc_queue_len != 0,
		 VALUE(macvlan.bc_queue_len)},
	};

	_Static_assert(ARRAY_SIZE(keys) <= KEYS_MAX, "a bit of unserved for each key");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		ret_keys[i] = keys[i];
	return ARRAY_SIZE(keys);
}

static int refuse(const struct asked_key *key, enum switch_kind kind,
		  struct cni_error *err)
{
	char others[64] = "";
	size_t len = 0;

	for (int i = 0; i < SWITCH_KINDS; i++)
		if (key->switches & SWITCH_BIT(i))
			len += snprintf(others + len, sizeof(others) - len, "%s\"%s\"",
					len ? " or " : "", switch_word(i));
	return error_set(err, CNI_ERR_CONFIG, ENOTSUP,
			 "%s: the switch \"%s\" can't serve it; remove the key, or take "
			 "the switch %s",
			 key->key, switch_word(kind), others);
}

int switch_keys_settle(struct network *network, struct pod *pod, struct cni_error *err)
{
	struct asked_key keys[KEYS_MAX];
	size_t n = keys_fill(network, pod, keys);

	for (size_t i = 0; i < n; i++) {
		if (!keys[i].is_asked ||
		    keys[i].switches & SWITCH_BIT(network->switch_kind))
			continue;
		if (!network->is_of_type || keys[i].duty == GUARD)
			return refuse(&keys[i], network->switch_kind, err);
		network->unserved |= 1u << i;
		if (keys[i].value)
			memset(keys[i].value, 0, keys[i].size);
		else
			pod_ports_clear(&pod->ports);
	}
	return 0;
}

void switch_keys_tell(const struct network *network, struct notices *notices)
{
	struct asked_key keys[KEYS_MAX];
	struct network none = {};
	size_t n = keys_fill(&none, NULL, keys);

	for (size_t i = 0; i < n; i++)
		if (network->unserved & 1u << i)
			notice(notices,
			       "%s: ignored, as the switch \"%s\" can't serve it; remove "
			       "the key",
			       keys[i].key, switch_word(network->switch_kind));
}
