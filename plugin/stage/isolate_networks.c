/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Knows bridges by their aliases or their pods' ports, and gateways of VLANs by the
 * bridges that they are in. */
#include "isolate_networks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/list.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "plugin/nft/isolate_sets.h"
#include "bridge_alias.h"
#include "bridge_ports.h"

void ifname_list_clear(struct ifname_list *list)
{
	free(list->items);
}

int ifname_list_add(struct ifname_list *list, const char *ifname, struct cni_error *err)
{
	struct ifname *added;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i].text, ifname) == 0)
			return 0;
	added = LIST_ADD(list);
	if (!added)
		return error_oom(err);
	snprintf(added->text, sizeof(added->text), "%s", ifname);
	return 0;
}

static const struct link *link_find(const struct link_list *links, const char *name)
{
	for (size_t i = 0; i < links->n; i++)
		if (strcmp(links->items[i].name, name) == 0)
			return &links->items[i];
	return NULL;
}

static bool has_pod_of_ours(const struct link_list *links, const struct link *bridge)
{
	size_t len = strlen(LINK_ALIAS_PREFIX);

	for (size_t i = 0; i < links->n; i++)
		if (links->items[i].master == bridge->index &&
		    strncmp(links->items[i].alias, LINK_ALIAS_PREFIX, len) == 0)
			return true;
	return false;
}

/* Returns the bridge that the interface BRIDGE.VLAN, a veth or a VLAN device, is in; NULL:
 * it is none of a bridge. */
static const struct link *bridge_of_vlan(const struct link_list *links,
					 const struct link *gateway)
{
	const char *dot = strrchr(gateway->name, '.');
	char name[IF_NAMESIZE] = "";
	const struct link *bridge;

	if (!dot || !(link_is(gateway, "veth") || link_is(gateway, "vlan")))
		return NULL;
	memcpy(name, gateway->name, dot - gateway->name);
	bridge = link_find(links, name);
	return bridge && link_is(bridge, "bridge") ? bridge : NULL;
}

/* Is the bridge one of this program's, with pods alone? An alias may be the
 * administrator's. */
static int bridge_judge(struct attachment *att, const struct link_list *links,
			const struct link *bridge, bool *ret_is_network,
			struct cni_error *err)
{
	bool ours, other_ports = false;
	struct bridge_ports ports = {};
	int ret = 0;

	ours = bridge_alias_is_ours(bridge, &other_ports);
	if (!ours && has_pod_of_ours(links, bridge)) {
		ours = true;
		ret = bridge_ports_look(att, bridge->index, &ports, err);
		other_ports = ports.other[0];
	}
	*ret_is_network = ours && !other_ports;
	return ret;
}

int isolate_networks_find(struct attachment *att, struct ifname_list *list,
			  struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	int ret = link_list_get(att->op->node.rtnl, &links, err);

	for (size_t i = 0; ret == 0 && i < links.n; i++) {
		const struct link *link = &links.items[i], *bridge;
		bool is_network = false;

		bridge = link_is(link, "bridge") ? link : bridge_of_vlan(&links, link);
		if (bridge)
			ret = bridge_judge(att, &links, bridge, &is_network, err);
		if (ret == 0 && is_network)
			ret = ifname_list_add(list, link->name, err);
	}
	return ret;
}

/* Is anybody isolated? Without a set nobody is; one that was flushed is filled by the next
 * ADD of an isolated network, which finds the interface. */
static int set_find(struct netlink *nl, const struct nft_set *set, bool *ret_found,
		    struct cni_error *err)
{
	bool emptied = true;
	int ret = set_is_emptied(nl, set, &emptied, err);

	*ret_found = ret == 0 && !emptied;
	/* A kernel without nf_tables has no sets. */
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

static int element_add(struct netlink *nl, const struct isolate_sets *sets,
		       const char *ifname, struct cni_error *err)
{
	struct cni_error own = {};
	struct nft_element element;
	int ret;

	isolate_element(sets, ISOLATE_SET_NETWORKS, ifname, &element);
	ret = nft_elements_add(nl, &element, 1, &own);
	if (ret == -EAGAIN) /* It was flushed meanwhile. */
		return 0;
	if (ret < 0)
		error_copy(err, &own);
	return ret;
}

int isolate_network_made(struct attachment *att, const char *ifname,
			 struct cni_error *err)
{
	struct isolate_sets sets;
	struct netlink *nl;
	bool found = false;
	int ret = node_nftables(&att->op->node, &nl, err);

	if (ret < 0)
		/* The kernel has no connections to netfilter. */
		return ret == -EPROTONOSUPPORT ? error_clear(err) : ret;
	isolate_sets_name(att->owner, &sets);
	ret = set_find(nl, &sets.sets[ISOLATE_SET_NETWORKS], &found, err);
	return ret < 0 || !found ? ret : element_add(nl, &sets, ifname, err);
}
