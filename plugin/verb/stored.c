/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects owners from the store, and from the node's rules, whose comments have the
 * owner's number: it fits a network, a store and one of the node's bridges. */
#include "stored.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/identity.h"
#include "conf/names.h"
#include "conf/network.h"
#include "conf/network_note.h"
#include "ipam/ipam.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/nft/rules_owner.h"
#include "plugin/node/node.h"

/* The owners that have rules on the node, by what the comments say. */
struct ruled_list {
	struct ruled {
		uint64_t owner;
		char network[NFT_COMMENT_MAX]; /* its name, which may be cut */
		bool seen; /* the network has been searched for */
	} * items;
	size_t n;
};

struct search {
	const char *data_dir;
	bool looks;
	struct node node;
	struct link_list links;
	struct ruled_list ruled;
	struct stored_list list;
};

void stored_list_clear(struct stored_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].network);
		free(list->items[i].text);
	}
	free(list->items);
	*list = (struct stored_list){};
}

static void search_clear(struct search *search)
{
	stored_list_clear(&search->list);
	free(search->ruled.items);
	link_list_clear(&search->links);
	node_close(&search->node);
}

static int rule_note(const char *chain, uint64_t handle, const char *comment, void *data)
{
	struct ruled_list *list = data;
	struct rules_comment read;
	struct ruled *added;

	(void)chain;
	if (handle == 0 || !rules_comment_read(comment, &read))
		return 0;
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].owner == read.owner)
			return 0;
	added = LIST_ADD(list);
	if (!added)
		return -ENOMEM;
	added->owner = read.owner;
	snprintf(added->network, sizeof(added->network), "%s", strrchr(comment, ' ') + 1);
	return 0;
}

static int ruled_read(struct search *search, struct cni_error *err)
{
	static const int families[] = {NFPROTO_INET, NFPROTO_BRIDGE};
	struct netlink *nl;
	int ret = node_nftables(&search->node, &nl, err);

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(families); i++) {
		struct nft_probes none = {};

		ret = nft_table_rules(nl, families[i], RULES_TABLE, NULL, &none,
				      rule_note, &search->ruled, err);
	}
	if (search->looks && (ret == -EPERM || ret == -EACCES))
		return error_clear(err);
	/* A kernel without nf_tables has no rules. */
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

static bool has_rules(const struct search *search, uint64_t owner)
{
	for (size_t i = 0; i < search->ruled.n; i++)
		if (search->ruled.items[i].owner == owner)
			return true;
	return false;
}

static const struct link *bridge_find(const struct search *search, const char *name)
{
	for (size_t i = 0; i < search->links.n; i++)
		if (link_is(&search->links.items[i], "bridge") &&
		    strcmp(search->links.items[i].name, name) == 0)
			return &search->links.items[i];
	return NULL;
}

/* Makes the name of the bridge out of that of an interface with a gateway address, which
 * is the bridge or BRIDGE.VLAN. */
static void bridge_of_gateway(const struct search *search, char ifname[IF_NAMESIZE])
{
	char *dot = strrchr(ifname, '.');

	if (dot && dot > ifname && dot[1] && !dot[1 + strspn(dot + 1, "0123456789")] &&
	    !bridge_find(search, ifname))
		*dot = '\0';
}

/* Adds an item of the list. @text: moved to the list, or NULL: @why says what went
 * wrong. */
static int stored_add(struct search *search, const char *network, char *text,
		      const struct cni_error *why, struct cni_error *err)
{
	struct stored *stored = LIST_ADD(&search->list);

	if (!stored) {
		free(text);
		return error_oom(err);
	}
	stored->text = text;
	if (why)
		error_copy(&stored->err, why);
	stored->network = strdup(network);
	return stored->network ? 0 : error_oom(err);
}

/* Adds an owner. @note: NULL, or moved to the list. */
static int owner_add(struct search *search, const char *network, const char *bridge,
		     char **note, struct cni_error *err)
{
	char *text = note && *note ? TAKE_PTR(*note)
				   : network_note_make(network, bridge, search->data_dir);

	return text ? stored_add(search, network, text, NULL, err) : error_oom(err);
}

static bool has_owner(const struct ipam_owner_list *owners, const char *bridge)
{
	for (size_t i = 0; i < owners->n; i++)
		if (strcmp(owners->items[i].ifname, bridge) == 0)
			return true;
	return false;
}

/* Adds the owners that have rules, but nothing in the store. Where somebody deleted the
 * bridge, it may have had the name that is the default. */
static int by_rules_add(struct search *search, const char *network,
			const struct ipam_owner_list *owners, struct cni_error *err)
{
	bool default_seen = has_owner(owners, DEFAULT_BRIDGE);
	uint64_t by_name = identity_owner_by_name(network);
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < search->links.n; i++) {
		const struct link *link = &search->links.items[i];

		if (!link_is(link, "bridge") || has_owner(owners, link->name) ||
		    !has_rules(search,
			       identity_owner(network, link->name, search->data_dir)))
			continue;
		default_seen = default_seen || strcmp(link->name, DEFAULT_BRIDGE) == 0;
		ret = owner_add(search, network, link->name, NULL, err);
	}
	if (ret < 0 || default_seen)
		return ret;
	if (has_rules(search,
		      identity_owner(network, DEFAULT_BRIDGE, search->data_dir)) ||
	    (owners->n == 0 && (owners->has_records || has_rules(search, by_name))))
		ret = owner_add(search, network, DEFAULT_BRIDGE, NULL, err);
	return ret;
}

static int owners_search(struct search *search, const char *network,
			 struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list owners = {};
	const struct ipam_env env = {
		.data_dir = search->data_dir,
		.network = network,
		.bridge = "",
		.looks = search->looks,
	};
	int ret = ipam_owners(&env, &owners, err);

	for (size_t i = 0; i < owners.n; i++)
		if (owners.items[i].is_gateway)
			bridge_of_gateway(search, owners.items[i].ifname);
	for (size_t i = 0; ret == 0 && i < owners.n; i++) {
		bool is_first = true;

		for (size_t k = 0; k < i; k++)
			is_first = is_first && strcmp(owners.items[k].ifname,
						      owners.items[i].ifname) != 0;
		if (is_first)
			ret = owner_add(search, network, owners.items[i].ifname,
					&owners.items[i].note, err);
	}
	return ret < 0 ? ret : by_rules_add(search, network, &owners, err);
}

/* An error, as where another program doesn't let go of the lock of the network's store,
 * keeps no other network from being found. */
static int network_search(const char *network, void *data, struct cni_error *err)
{
	struct search *search = data;
	struct cni_error own = {};
	int ret = owners_search(search, network, &own);

	for (size_t i = 0; i < search->ruled.n; i++)
		if (strcmp(search->ruled.items[i].network, network) == 0)
			search->ruled.items[i].seen = true;
	return ret < 0 ? stored_add(search, network, NULL, &own, err) : 0;
}

int stored_find(const char *data_dir, bool looks, struct stored_list *ret_list,
		struct cni_error *err)
{
	_cleanup_(search_clear) struct search search = {
		.data_dir = data_dir,
		.looks = looks,
		.node = NODE_CLOSED,
	};
	const struct ipam_env env = {.data_dir = data_dir, .network = "", .bridge = ""};
	int ret = node_open(&search.node, err);

	search.node.loads_nothing = looks;
	if (ret == 0)
		ret = link_list_get(search.node.rtnl, &search.links, err);
	if (ret == 0)
		ret = ruled_read(&search, err);
	if (ret == 0)
		ret = ipam_networks(&env, network_search, &search, err);
	/* Somebody deleted the store of these, or they have another one. */
	for (size_t i = 0; ret == 0 && i < search.ruled.n; i++)
		if (!search.ruled.items[i].seen &&
		    cni_name_valid(search.ruled.items[i].network))
			ret = network_search(search.ruled.items[i].network, &search, err);
	if (ret < 0)
		return ret;
	*ret_list = search.list;
	search.list = (struct stored_list){};
	return 0;
}
