/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds elements by the pods that they belong to, and the owners whose sets are looked
 * through. */
#include "sweep.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
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

/* The attachments whose elements stay. */
struct known {
	const struct valid_set *valid; /* NULL: none */
	struct ipam_holder_list holders;
};

static void known_clear(struct known *known)
{
	ipam_holder_list_clear(&known->holders);
}

static bool is_name_of(const struct attachment *att, const char *host_ifname,
		       const char *container_id, const char *ifname)
{
	char name[IF_NAMESIZE];

	identity_host_ifname(att->network->name, container_id, ifname, name);
	return strcmp(name, host_ifname) == 0;
}

static bool is_known(const struct attachment *att, const char *host_ifname,
		     const void *data)
{
	const struct known *known = data;

	if (host_end_is_there(att->op->node.rtnl, host_ifname))
		return true;
	for (size_t i = 0; known->valid && i < known->valid->n; i++)
		if (is_name_of(att, host_ifname, known->valid->items[i].container_id,
			       known->valid->items[i].ifname))
			return true;
	for (size_t i = 0; i < known->holders.n; i++)
		if (is_name_of(att, host_ifname, known->holders.items[i].container_id,
			       known->holders.items[i].ifname))
			return true;
	return false;
}

int sweep_gone(struct attachment *net, const struct valid_set *valid, size_t *ret_n,
	       struct cni_error *err)
{
	_cleanup_(known_clear) struct known known = {.valid = valid};
	int ret = ipam_holders(&net->ipam_env, &known.holders, err);

	return ret < 0 ? ret : sweep(net, is_known, &known, ret_n, err);
}

static bool has_interface(const struct attachment *att, const char *host_ifname,
			  const void *data)
{
	(void)data;
	return host_end_is_there(att->op->node.rtnl, host_ifname);
}

int sweep_unconnected(struct attachment *net, size_t *ret_n, struct cni_error *err)
{
	return sweep(net, has_interface, NULL, ret_n, err);
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
