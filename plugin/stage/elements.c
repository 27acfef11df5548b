/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The elements that stages contribute for an attachment, in one transaction: each goes through
 * all chains of the node in the kernel, and its end waits for the kernel where it deletes. They
 * are there before the pod's end is up.
 */
#include "elements.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "portmap_conflict.h"
#include "plugin/netlink/link.h"
#include "plugin/nft/rules_by_name.h"
#include "spoofcheck_elements.h"
#include "stages.h"
#include "plugin/netlink/nf_tables_lookup.h"
#include "plugin/netlink/nf_tables_transaction.h"

static int elements_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(stage_elements_clear) struct stage_elements own = {};
	struct netlink *nl;
	int ret = stages_elements(att, ELEMENTS_WANTED, &own, err);

	if (ret < 0 || own.list.n == 0)
		return ret;
	ret = node_nftables(&att->op->node, &nl, err);
	if (ret < 0)
		return ret;
	ret = nft_elements_add(nl, own.list.items, own.list.n, err);
	if (ret == 0)
		ret = stages_elements(att, ELEMENTS_ADDED, &own, err);
	/* From here on nobody has to wait for this attachment. */
	if (ret == 0)
		ret = node_share(&att->op->node, err);
	/* The kernel may have done it, and its answer been lost. */
	if (ret < 0)
		nft_elements_del(nl, own.list.items, own.list.n, NULL);
	return ret;
}

/* Deletes those that go, and lets others have theirs instead, all at once. */
static int go(struct attachment *att, struct netlink *nl, struct stage_elements *elements,
	      struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list old = {};
	struct cni_error own = {};
	int ret;

	if (elements->list.n == 0)
		return 0;
	if (nft_element_list_append(&old, &elements->list) < 0 ||
	    nft_element_list_append(&old, &elements->others) < 0)
		ret = error_oom(&own);
	else
		ret = nft_elements_replace(nl, &old, &elements->instead, &own);
	if (ret == 0)
		return 0;
	/* Whatever keeps them from it: what is gone must go. */
	if (elements->without)
		notice(&att->op->notices, "%s: %s", elements->without,
		       ret < 0 ? own.msg : "their maps are gone");
	return nft_elements_del(nl, elements->list.items, elements->list.n, err);
}

/* Whose element is it? "": a sentinel, which is nobody's. */
static void owner_read(const struct nft_element *element, char ret_ifname[IF_NAMESIZE])
{
	const char *text = element->comment;
	size_t len = strcspn(text, " ");

	if (element->set->family == NFPROTO_BRIDGE) {
		text = (const char *)element->key.bytes;
		len = strnlen(text, IF_NAMESIZE - 1);
	}
	memset(ret_ifname, 0, IF_NAMESIZE);
	if (len < IF_NAMESIZE && strcmp(text, SPOOF_NOBODY) != 0)
		memcpy(ret_ifname, text, len);
}

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
	char owner[IF_NAMESIZE];

	owner_read(element, owner);
	if (!owner[0] || search->is_kept(search->att, owner, search->data))
		return 0;
	return nft_element_list_add(search->found, element);
}

/* All in the sets of @owner but those whose pod @is_kept. */
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
		ret = go(att, nl, &swept, err);
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

struct known {
	const struct valid_set *valid;
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

	if (portmap_owner_lives(att, host_ifname))
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

int elements_sweep(struct attachment *att, const struct valid_set *valid, size_t *ret_n,
		   struct cni_error *err)
{
	_cleanup_(known_clear) struct known known = {.valid = valid};
	int ret = ipam_holders(&att->ipam_env, &known.holders, err);

	return ret < 0 ? ret : sweep(att, is_known, &known, ret_n, err);
}

static bool is_anothers(const struct attachment *att, const char *host_ifname,
			const void *data)
{
	(void)data;
	return strcmp(host_ifname, att->pod->host_ifname) != 0;
}

/* All that have sets in the tables. */
struct set_owners {
	uint64_t *items;
	size_t n;
	size_t before; /* those of the table that was listed first */
};

static void set_owners_clear(struct set_owners *owners)
{
	free(owners->items);
}

static int set_owner_note(const char *name, void *data)
{
	struct set_owners *owners = data;
	uint64_t owner, *grown;

	if (!name)
		owners->n = owners->before;
	if (!name || !rules_set_owner(name, &owner))
		return 0;
	for (size_t i = 0; i < owners->n; i++)
		if (owners->items[i] == owner)
			return 0;
	grown = reallocarray(owners->items, owners->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	owners->items = grown;
	grown[owners->n++] = owner;
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

/* Without a record (it was deleted, or the configuration names another store by now) nothing
 * tells whose sets have the pod's elements, so all are looked through: the pod's ports must
 * not lead to whoever has the address next. */
static int unrecorded_del(struct attachment *att, struct cni_error *err)
{
	_cleanup_(set_owners_clear) struct set_owners owners = {};
	struct link host;
	size_t n = 0;
	int ret = link_get(att->op->node.rtnl, att->pod->host_ifname, &host, err);

	if (ret < 0 || !host.index ||
	    identity_alias_is_anothers(host.alias, att->network->name,
				       att->pod->container_id, att->pod->ifname))
		return ret;
	ret = set_owners_list(att, &owners, err);
	for (size_t i = 0; ret == 0 && i < owners.n; i++)
		ret = sweep_owner(att, owners.items[i], is_anothers, NULL, &n, err);
	return ret;
}

static int elements_del(struct attachment *att, struct cni_error *err)
{
	_cleanup_(stage_elements_clear) struct stage_elements own = {};
	struct netlink *nl;
	size_t n = 0;
	int ret;

	if (!att->record)
		return unrecorded_del(att, err);
	ret = stages_elements(att, ELEMENTS_HELD, &own, err);
	if (ret == 0 && own.list.n > 0)
		ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0 && own.list.n > 0)
		ret = go(att, nl, &own, err);
	/* An earlier version's pod has them in the sets of its network's name, and some that
	 * it wouldn't be given now, until the rules are replaced. */
	if (ret == 0 && rules_by_name_recorded(att->record) &&
	    (att->record->ports.n > 0 || att->record->spoof_check))
		ret = sweep_owner(att, identity_owner_by_name(att->network->name),
				  is_anothers, NULL, &n, err);
	return ret;
}

const struct stage stage_elements = {
	.name = "elements",
	.add = elements_add,
	.del = elements_del,
};
