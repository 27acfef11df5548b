/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aliases are looked at first; the store is asked about an interface without any. */
#include "in_use.h"

#include <stdio.h>
#include <string.h>

#include "conf/identity.h"
#include "ipam/ipam.h"

bool ifname_is_networks(const struct doctor *doctor, const char *ifname)
{
	for (size_t i = 0; i < doctor->networks.n; i++)
		if (strcmp(doctor->networks.items[i].gateway_ifname, ifname) == 0 ||
		    strcmp(doctor->networks.items[i].bridge, ifname) == 0)
			return true;
	return false;
}

bool link_is_agents_tunnel(const struct link *link)
{
	return strncmp(link->name, TUNNEL_DEVICES, strlen(TUNNEL_DEVICES)) == 0 &&
	       (link_is(link, "vxlan") || link_is(link, "wireguard"));
}

static bool has_bridge_alias(const struct link *link)
{
	return strncmp(link->alias, BRIDGE_ALIAS_PREFIX, strlen(BRIDGE_ALIAS_PREFIX)) ==
	       0;
}

/* A question to a store, and its answer. */
struct search {
	const char *data_dir, *ifname;
	char *network; /* LINK_ALIAS_MAX bytes */
	bool found;
};

/* The gateway's interface of a VLAN is BRIDGE.VLAN. */
static bool is_of_bridge(const struct ipam_owner *owner, const char *bridge)
{
	size_t len = strlen(bridge);

	return strncmp(owner->ifname, bridge, len) == 0 &&
	       (!owner->ifname[len] || (owner->is_gateway && owner->ifname[len] == '.'));
}

static int network_search(const char *network, void *data, struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list owners = {};
	struct search *search = data;
	const struct ipam_env env = {
		.data_dir = search->data_dir,
		.network = network,
		.bridge = "",
		.looks = true,
	};

	(void)err;
	if (search->found || ipam_owners(&env, &owners, NULL) < 0)
		return 0;
	for (size_t i = 0; i < owners.n; i++)
		search->found |= is_of_bridge(&owners.items[i], search->ifname);
	if (search->found)
		snprintf(search->network, LINK_ALIAS_MAX, "%s", network);
	return 0;
}

static bool store_tells(const char *data_dir, const char *ifname,
			char network[LINK_ALIAS_MAX])
{
	const struct ipam_env env = {.data_dir = data_dir, .network = "", .bridge = ""};
	struct search search = {data_dir, ifname, network, false};

	(void)ipam_networks(&env, network_search, &search, NULL);
	return search.found;
}

bool link_is_this_programs(const struct doctor *doctor, const struct link *link,
			   char ret_network[LINK_ALIAS_MAX])
{
	_cleanup_(link_list_clear) struct link_list ports = {};
	struct alias_names names;

	ret_network[0] = '\0';
	if (link_list_get_ports(doctor->rtnl, link->index, &ports, NULL) < 0)
		ports.n = 0;
	for (size_t i = 0; i < ports.n; i++)
		if (identity_alias_read(ports.items[i].alias, &names)) {
			memcpy(ret_network, names.network, sizeof(names.network));
			return true;
		}
	if (store_tells(DEFAULT_DATA_DIR, link->name, ret_network))
		return true;
	for (size_t i = 0; i < doctor->networks.n; i++)
		if (store_tells(doctor->networks.items[i].data_dir, link->name,
				ret_network))
			return true;
	return has_bridge_alias(link);
}

bool link_in_use(struct netlink *nl, const struct link *link)
{
	_cleanup_(link_list_clear) struct link_list ports = {};
	struct alias_names names;

	if (has_bridge_alias(link) || identity_alias_read(link->alias, &names) ||
	    link_list_get_ports(nl, link->index, &ports, NULL) < 0)
		return true;
	for (size_t i = 0; i < ports.n; i++)
		if (ports.items[i].up)
			return true;
	return false;
}
