/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each part is a hash. Counters and whatever else changes by itself stay out of it. */
#include "fingerprint.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/identity.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/netconf.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/netlink/nf_tables_flowtable.h"
#include "plugin/nft/flowtable.h"
#include "plugin/nft/rules.h"
#include "plugin/node/uplink.h"

const char *const fingerprint_part_names[FINGERPRINT_PARTS] = {
	[FINGERPRINT_BRIDGE] = "bridge",       [FINGERPRINT_GATEWAY] = "gateway",
	[FINGERPRINT_ADDRESSES] = "addresses", [FINGERPRINT_FORWARDING] = "forwarding",
	[FINGERPRINT_RULES] = "rules",	       [FINGERPRINT_NETWORKS] = "networks",
	[FINGERPRINT_UPLINKS] = "uplinks",
};

static uint64_t add(uint64_t hash, const void *data, size_t len)
{
	return hash_more(hash, data, len);
}

/* A bridge that was set down and up again, or got another MAC address, has lost the
 * permanent neighbours of its pods. */
static uint64_t bridge_hash(const struct link *bridge)
{
	uint32_t facts[] = {bridge->index, bridge->up, bridge->carrier_losses};

	if (!bridge->index)
		return 0;
	return add(add(hash_text(""), facts, sizeof(facts)), bridge->mac.bytes, MAC_LEN);
}

/* A VLAN's gateway is BRIDGE.VLAN: a VLAN device of the bridge, or one end of a veth whose
 * other end is a port of it. */
static int gateway_hash(struct netlink *rtnl, const struct link *gateway,
			uint64_t *ret_hash, struct cni_error *err)
{
	struct link port = {};
	int ret = 0;

	if (link_is(gateway, "veth"))
		ret = link_get_by_index(rtnl, gateway->peer, &port, err);
	if (ret == 0) {
		uint32_t facts[] = {gateway->index, gateway->up, port.master, port.up};

		*ret_hash = add(add(hash_text(port.name), facts, sizeof(facts)),
				gateway->mac.bytes, MAC_LEN);
	}
	return ret;
}

static int addresses(struct netlink *rtnl, unsigned int index, uint64_t *ret_hash,
		     bool *ret_ipv4, struct cni_error *err)
{
	uint64_t hash = hash_text("");
	bool ipv4 = false;

	for (size_t i = 0; index && i < IP_FAMILIES; i++) {
		_cleanup_(addr_list_clear) struct addr_list list = {};
		int ret = addr_list_get(rtnl, index, ip_families[i], &list, err);

		if (ret < 0)
			return ret;
		ipv4 = ipv4 || (ip_families[i] == AF_INET && list.n > 0);
		for (size_t k = 0; k < list.n; k++) {
			const char *text = PREFIX_TEXT(&list.items[k]);

			/* The kernel adds the link-local address a moment after the
			 * bridge is up. */
			if (strncmp(text, "fe80:", 5) != 0)
				hash = add(hash, text, strlen(text) + 1);
		}
	}
	*ret_hash = hash;
	*ret_ipv4 = ipv4;
	return 0;
}

/* Forwarding of the node (IPv4, IPv6) and of the gateways' interface. */
static int forwarding(struct netlink *rtnl, const struct link *gateway,
		      uint64_t *ret_hash, struct cni_error *err)
{
	int gateway_forwards = gateway->index ? gateway->ipv4.forwarding : 0;
	uint64_t hash = add(hash_text(""), &gateway_forwards, sizeof(gateway_forwards));
	int ret = 0;

	for (size_t i = 0; ret >= 0 && i < IP_FAMILIES; i++) {
		bool on = false; /* also in a kernel without IPv6 */

		ret = netconf_forwarding_get(rtnl, ip_families[i], &on, err);
		hash = add(hash, &on, sizeof(on));
	}
	*ret_hash = hash;
	return ret < 0 ? ret : 0;
}

/* A rule of the plugin's table, for nft_table_rules(). */
static int rule(const char *chain, uint64_t handle, const char *comment, void *data)
{
	uint64_t *hash = data;

	if (handle == 0) {
		*hash = hash_text("");
		return 0;
	}
	*hash = add(*hash, chain, strlen(chain) + 1);
	*hash = add(*hash, comment, strlen(comment) + 1);
	return 0;
}

/* The rules of both tables: that of inet, and that of bridge, which has the guards. */
static int rules(struct netlink *nft, uint64_t *ret_hash, struct cni_error *err)
{
	static const int families[] = {NFPROTO_INET, NFPROTO_BRIDGE};
	struct nft_probes none = {};
	uint64_t hashes[ARRAY_SIZE(families)];

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int ret = nft_table_rules(nft, families[i], RULES_TABLE, NULL, &none,
					  rule, &hashes[i], err);

		if (ret < 0)
			return ret;
	}
	*ret_hash = add(hash_text(""), hashes, sizeof(hashes));
	return 0;
}

/* The bridges of all networks, from which the key isolate keeps one: their names and what
 * their aliases say of their ports. @vlans: the same of their VLANs. */
static int networks(struct netlink *rtnl, uint64_t vlans, uint64_t *ret_hash,
		    struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list bridges = {};
	uint64_t hash = add(hash_text(""), &vlans, sizeof(vlans));
	int ret = link_list_get_kind(rtnl, "bridge", &bridges, err);

	for (size_t i = 0; i < bridges.n; i++) {
		const struct link *bridge = &bridges.items[i];

		if (strncmp(bridge->alias, BRIDGE_ALIAS_PREFIX,
			    strlen(BRIDGE_ALIAS_PREFIX)) != 0)
			continue;
		hash = add(hash, bridge->name, strlen(bridge->name) + 1);
		hash = add(hash, bridge->alias, strlen(bridge->alias) + 1);
	}
	*ret_hash = hash;
	return ret;
}

int fingerprint_vlans(struct netlink *rtnl, uint64_t *ret_hash, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	uint64_t hash = hash_text("");
	int ret = link_list_get(rtnl, &links, err);

	for (size_t i = 0; i < links.n; i++) {
		const struct link *link = &links.items[i];

		if (strchr(link->name, '.') &&
		    (link_is(link, "veth") || link_is(link, "vlan")))
			hash = add(hash, link->name, strlen(link->name) + 1);
	}
	*ret_hash = hash;
	return ret;
}

static uint64_t add_device(uint64_t hash, const struct link *link)
{
	uint32_t facts[] = {link->index, link->master};

	return add(add(hash, link->name, strlen(link->name) + 1), facts, sizeof(facts));
}

struct devices {
	struct netlink *rtnl;
	uint64_t hash;
};

/* A device of the flowtable, for nft_flowtable_devices(). */
static int device(const char *name, void *data)
{
	struct devices *devices = data;
	struct link link;
	int ret = link_get(devices->rtnl, name, &link, NULL);

	if (ret == 0)
		devices->hash = add_device(devices->hash, &link);
	return ret;
}

/* The interfaces by which the node sends to the world, and those that the flowtable of
 * fastPath has by now. A device that was made anew is no longer one of these, and one that
 * has become a port of a bridge must not be. */
static int uplinks(struct netlink *rtnl, struct netlink *nft, uint64_t *ret_hash,
		   struct cni_error *err)
{
	struct devices devices = {rtnl, hash_text("")};
	int ret = nft_flowtable_devices(nft, NFPROTO_INET, RULES_TABLE, RULES_FLOWTABLE,
					device, &devices, err);

	for (size_t f = 0; ret >= 0 && f < IP_FAMILIES; f++) {
		_cleanup_(link_list_clear) struct link_list list = {};

		ret = uplink_list_get(rtnl, ip_families[f], &list, err);
		for (size_t i = 0; i < list.n; i++)
			devices.hash = add_device(devices.hash, &list.items[i]);
	}
	*ret_hash = devices.hash;
	return ret < 0 ? ret : 0;
}

/* The gateways' interface is the bridge itself, but for a VLAN. */
static int gateway(struct netlink *rtnl, const struct fingerprint_of *of,
		   const struct link *bridge, struct fingerprint *now,
		   struct cni_error *err)
{
	struct link link = *bridge;
	int ret = 0;

	if (*of->gateway && strcmp(of->gateway, of->bridge) != 0) {
		ret = link_get(rtnl, of->gateway, &link, err);
		if (ret == 0)
			ret = gateway_hash(rtnl, &link, &now->parts[FINGERPRINT_GATEWAY],
					   err);
	}
	if (ret == 0)
		ret = addresses(rtnl, link.index, &now->parts[FINGERPRINT_ADDRESSES],
				&now->ipv4, err);
	return ret < 0 ? ret
		       : forwarding(rtnl, &link, &now->parts[FINGERPRINT_FORWARDING],
				    err);
}

int fingerprint_take(struct netlink *rtnl, struct netlink *nft,
		     const struct fingerprint_of *of, struct fingerprint *ret_fingerprint,
		     struct cni_error *err)
{
	struct fingerprint now = {};
	struct link bridge;
	int ret = link_get(rtnl, of->bridge, &bridge, err);

	if (ret < 0)
		return ret;
	now.parts[FINGERPRINT_BRIDGE] = bridge_hash(&bridge);
	ret = gateway(rtnl, of, &bridge, &now, err);
	if (ret == 0)
		ret = rules(nft, &now.parts[FINGERPRINT_RULES], err);
	if (ret == 0)
		ret = networks(rtnl, of->vlans, &now.parts[FINGERPRINT_NETWORKS], err);
	if (ret == 0 && of->fast_path)
		ret = uplinks(rtnl, nft, &now.parts[FINGERPRINT_UPLINKS], err);
	if (ret < 0)
		return ret;
	*ret_fingerprint = now;
	return 0;
}
