/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds elements by the pods that they belong to, and the owners whose sets are looked
 * through. */
#include "sweep.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/identity.h"
#include "ipam/ipam.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/nft/rules_owner.h"
#include "plugin/nft/set_type.h"
#include "host_end.h"
#include "stages.h"

struct search {
	const struct attachment *att;
	bool (*is_kept)(const struct attachment *att, const char *host_ifname,
			const void *data);
	const void *data;
	struct nft_element_list *found;
};

static int found_note(const struct nft_element *element, void *data)
{
	const struct search *search = data;
	char pod[IF_NAMESIZE];

	set_element_pod(element, pod);
	if (!pod[0] || search->is_kept(search->att, pod, search->data))
		return 0;
	return nft_element_list_add(search->found, element);
}

/* Deletes all elements in the sets of @owner but those whose pod @is_kept. */
static int sweep_owner(struct attachment *att, uint64_t owner,
		       bool (*is_kept)(const struct attachment *att,
				       const char *host_ifname, const void *data),
		       const void *data, size_t *ret_n, struct cni_error *err)
{
	_cleanup_(stage_elements_clear) struct stage_elements swept = {};
	struct search search = {att, is_kept, data, &swept.list};
	struct nft_set sets[STAGE_SETS_MAX];
	size_t sets_n = stages_sets(owner, sets);
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	for (size_t i = 0; ret == 0 && i < sets_n; i++)
		ret = nft_set_elements(nl, &sets[i], found_note, &search, err);
	if (ret == 0)
		ret = stages_elements(att, ELEMENTS_GONE, &swept, err);
	if (ret == 0)
		ret = stage_elements_delete(att, nl, &swept, err);
	if (ret == 0)
		*ret_n += swept.list.n;
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

/* Sweeps the owner's sets, and those that an earlier version named by the network. */
static int sweep(struct attachment *att,
		 bool (*is_kept)(const struct attachment *att, const char *host_ifname,
				 const void *data),
		 const void *data, size_t *ret_n, struct cni_error *err)
{
	int ret;

	*ret_n = 0;
	ret = sweep_owner(att, att->owner, is_kept, data, ret_n, err);
	return ret < 0 ? ret
		       : sweep_owner(att, identity_owner_by_name(att->network->name),
				     is_kept, data, ret_n, err);
}

/* The names of host interfaces whose pods' elements stay. They are collected before the
 * elements are looked through, of which there may be thousands for each interface. */
struct kept {
	struct kept_name {
		char text[IF_NAMESIZE];
	} * items;
	size_t n;
};

static void kept_clear(struct kept *kept)
{
	free(kept->items);
}

static int kept_add(struct kept *kept, const char *host_ifname, struct cni_error *err)
{
	struct kept_name *added = LIST_ADD(kept);

	if (!added)
		return error_oom(err);
	snprintf(added->text, sizeof(added->text), "%s", host_ifname);
	return 0;
}

static int kept_add_attachment(struct kept *kept, const struct attachment *net,
			       const char *container_id, const char *ifname,
			       struct cni_error *err)
{
	char name[IF_NAMESIZE];

	identity_host_ifname(net->network->name, container_id, ifname, name);
	return kept_add(kept, name, err);
}

/* Adds the interfaces that are there, those that somebody has renamed by both names. */
static int kept_add_links(struct kept *kept, struct netlink *rtnl, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	int ret = link_list_get(rtnl, &links, err);

	for (size_t i = 0; ret == 0 && i < links.n; i++) {
		struct alias_names names;
		char name[IF_NAMESIZE];

		ret = kept_add(kept, links.items[i].name, err);
		if (ret == 0 && host_end_is(&links.items[i], &names, name))
			ret = kept_add(kept, name, err);
	}
	return ret;
}

static int kept_compare(const void *one, const void *other)
{
	return strcmp(one, other);
}

static bool is_kept(const struct attachment *att, const char *host_ifname,
		    const void *data)
{
	const struct kept *kept = data;

	(void)att;
	return bsearch(host_ifname, kept->items, kept->n, sizeof(*kept->items),
		       kept_compare);
}

/* Deletes the elements of pods that are not among @kept. */
static int sweep_others(struct attachment *net, struct kept *kept, size_t *ret_n,
			struct cni_error *err)
{
	if (kept->n > 0)
		qsort(kept->items, kept->n, sizeof(*kept->items), kept_compare);
	return sweep(net, is_kept, kept, ret_n, err);
}

int sweep_gone(struct attachment *net, const struct valid_set *valid, size_t *ret_n,
	       struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list holders = {};
	_cleanup_(kept_clear) struct kept kept = {};
	int ret = ipam_holders(&net->ipam_env, &holders, err);

	if (ret == 0)
		ret = kept_add_links(&kept, net->op->node.rtnl, err);
	for (size_t i = 0; ret == 0 && i < holders.n; i++)
		ret = kept_add_attachment(&kept, net, holders.items[i].container_id,
					  holders.items[i].ifname, err);
	for (size_t i = 0; ret == 0 && i < valid->n; i++)
		ret = kept_add_attachment(&kept, net, valid->items[i].container_id,
					  valid->items[i].ifname, err);
	return ret < 0 ? ret : sweep_others(net, &kept, ret_n, err);
}

int sweep_unconnected(struct attachment *net, size_t *ret_n, struct cni_error *err)
{
	_cleanup_(kept_clear) struct kept kept = {};
	int ret = kept_add_links(&kept, net->op->node.rtnl, err);

	return ret < 0 ? ret : sweep_others(net, &kept, ret_n, err);
}

static bool is_anothers(const struct attachment *att, const char *host_ifname,
			const void *data)
{
	(void)data;
	return strcmp(host_ifname, att->pod->host_ifname) != 0;
}

/* All owners that have sets in the tables. */
struct set_owners {
	uint64_t *items;
	size_t n;
	size_t before; /* so many of @n are of tables that were listed before this one */
};

static void set_owners_clear(struct set_owners *owners)
{
	free(owners->items);
}

static int set_owner_note(const char *name, void *data)
{
	struct set_owners *owners = data;
	uint64_t owner, *added;

	if (!name)
		owners->n = owners->before;
	if (!name || !rules_name_owner(name, &owner))
		return 0;
	for (size_t i = 0; i < owners->n; i++)
		if (owners->items[i] == owner)
			return 0;
	added = LIST_ADD(owners);
	if (!added)
		return -ENOMEM;
	*added = owner;
	return 0;
}

static int set_owners_list(struct attachment *att, struct set_owners *owners,
			   struct cni_error *err)
{
	static const int families[] = {NFPROTO_INET, NFPROTO_BRIDGE};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(families); i++) {
		owners->before = owners->n;
		ret = nft_table_sets(nl, families[i], RULES_TABLE, set_owner_note, owners,
				     err);
	}
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

int sweep_pod_of_owner(struct attachment *att, uint64_t owner, struct cni_error *err)
{
	size_t n = 0;

	return sweep_owner(att, owner, is_anothers, NULL, &n, err);
}

int sweep_pod(struct attachment *att, struct cni_error *err)
{
	_cleanup_(set_owners_clear) struct set_owners owners = {};
	int ret = set_owners_list(att, &owners, err);

	for (size_t i = 0; ret == 0 && i < owners.n; i++)
		ret = sweep_pod_of_owner(att, owners.items[i], err);
	return ret;
}
