/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names the sets, reads what owners want, and takes an owner's interfaces out. */
#include "isolate_sets.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/list.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "rules_owner.h"

#define NOBODY "/" /* the sentinels' name, which no interface can have */

static const struct set_type types[ISOLATE_SETS] = {
	[ISOLATE_SET_NETWORKS] = {NFPROTO_INET, ISOLATE_NETWORKS,
				  .key = {SET_IFNAME, SET_IFNAME},
				  .sentinel = {NOBODY, NOBODY}},
	[ISOLATE_SET_ISOLATED] = {NFPROTO_INET, ISOLATE_ISOLATED, .key = {SET_IFNAME},
				  .sentinel = {NOBODY}},
	[ISOLATE_SET_STRICT] = {NFPROTO_INET, ISOLATE_STRICT, .key = {SET_IFNAME},
				.sentinel = {NOBODY}},
	[ISOLATE_SET_OWN] = {NFPROTO_INET, "isolate", .key = {SET_IFNAME},
			     .content = "isolated interfaces", .sentinel = {NOBODY}},
	[ISOLATE_SET_OWN_STRICT] = {NFPROTO_INET, "strict", .key = {SET_IFNAME},
				    .content = "strictly isolated interfaces",
				    .sentinel = {NOBODY}},
};

const char *const isolate_shared_names[] = {ISOLATE_NETWORKS, ISOLATE_ISOLATED,
					    ISOLATE_STRICT, NULL};

void isolate_sets_name(uint64_t owner, struct isolate_sets *ret_sets)
{
	for (int i = 0; i < ISOLATE_SETS; i++) {
		struct nft_set *set = &ret_sets->sets[i];

		if (i >= ISOLATE_SHARED_SETS) {
			set_name(&types[i], owner, set);
			continue;
		}
		*set = (struct nft_set){
			.family = types[i].family,
			.table = RULES_TABLE,
			.type = &types[i],
		};
		snprintf(set->name, sizeof(set->name), "%s", types[i].prefix);
	}
}

void isolate_element(const struct isolate_sets *sets, enum isolate_set which,
		     const char *ifname, struct nft_element *ret_element)
{
	set_element(&sets->sets[which], SET_VALUES(ifname, ifname), NULL, NULL,
		    ret_element);
}

void isolate_wishes_clear(struct isolate_wishes *wishes)
{
	free(wishes->items);
}

/* The sets of all owners, as the table's sets are listed. */
struct own_sets {
	struct nft_set *items;
	size_t n;
};

static void own_sets_clear(struct own_sets *sets)
{
	free(sets->items);
}

static int own_set_note(const char *name, void *data)
{
	struct own_sets *sets = data;
	struct nft_set set, *added;

	if (!name)
		sets->n = 0;
	if (!name || !set_read(&types[ISOLATE_SET_OWN], ISOLATE_SETS - ISOLATE_SET_OWN,
			       name, &set))
		return 0;
	added = LIST_ADD(sets);
	if (!added)
		return -ENOMEM;
	*added = set;
	return 0;
}

static int wish_note(const struct nft_element *found, void *data)
{
	struct isolate_wishes *wishes = data;
	char ifname[IF_NAMESIZE];
	struct isolate_wish *added;

	set_element_pod(found, ifname); /* "": the sentinel */
	if (!ifname[0])
		return 0;
	added = LIST_ADD(wishes);
	if (!added)
		return -ENOMEM;
	memcpy(added->ifname, ifname, sizeof(ifname));
	rules_name_owner(found->set->name, &added->owner);
	added->strict = found->set->type == &types[ISOLATE_SET_OWN_STRICT];
	return 0;
}

int isolate_wishes_read(struct attachment *att, struct isolate_wishes *ret_wishes,
			struct cni_error *err)
{
	_cleanup_(own_sets_clear) struct own_sets sets = {};
	_cleanup_(isolate_wishes_clear) struct isolate_wishes wishes = {};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	if (ret == 0)
		ret = nft_table_sets(nl, NFPROTO_INET, RULES_TABLE, own_set_note, &sets,
				     err);
	for (size_t i = 0; ret == 0 && i < sets.n; i++)
		ret = nft_set_elements(nl, &sets.items[i], wish_note, &wishes, err);
	/* A kernel without nf_tables has no sets. */
	if (ret == -EPROTONOSUPPORT || ret == -EINVAL)
		ret = error_clear(err);
	if (ret < 0)
		return ret;
	wishes.any_sets = sets.n > 0;
	*ret_wishes = wishes;
	wishes = (struct isolate_wishes){};
	return 0;
}

/* Adds "delete element", which fails where it isn't there. A name that nft can't read is
 * deleted at once. */
static int element_delete(struct netlink *nl, const struct isolate_sets *sets,
			  enum isolate_set which, const char *ifname, struct text *text,
			  struct cni_error *err)
{
	struct nft_element element, found;
	int ret;

	isolate_element(sets, which, ifname, &element);
	ret = nft_element_get(nl, element.set, &element.key, &found, err);
	if (ret != 0)
		return ret == NFT_NO_ELEMENT ? 0 : ret;
	if (!set_ifname_is_plain(ifname))
		return nft_elements_del(nl, &element, 1, err);
	text_add(text, "delete element ");
	set_element_describe(&element, text);
	text_add(text, "\n");
	return 0;
}

/* Says how strictly others than @owner isolate the interface. */
static enum isolate others_isolate(const struct attachment *att,
				   const struct isolate_wishes *wishes, uint64_t owner,
				   const char *ifname)
{
	enum isolate isolate = ISOLATE_NO;
	char own[IF_NAMESIZE];

	network_gateway_ifname(att->network, own);
	if (att->owner != owner && strcmp(own, ifname) == 0)
		isolate = att->network->isolate;
	for (size_t i = 0; i < wishes->n; i++) {
		const struct isolate_wish *wish = &wishes->items[i];

		if (wish->owner == owner || strcmp(wish->ifname, ifname) != 0)
			continue;
		if (wish->strict)
			isolate = ISOLATE_STRICTLY;
		else if (isolate == ISOLATE_NO)
			isolate = ISOLATE_YES;
	}
	return isolate;
}

int isolate_leave(struct attachment *att, uint64_t owner, struct text *text,
		  struct cni_error *err)
{
	_cleanup_(isolate_wishes_clear) struct isolate_wishes wishes = {};
	struct isolate_sets sets;
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	isolate_sets_name(owner, &sets);
	if (ret == 0)
		ret = isolate_wishes_read(att, &wishes, err);
	for (size_t i = 0; ret == 0 && i < wishes.n; i++) {
		const char *ifname = wishes.items[i].ifname;
		enum isolate others = others_isolate(att, &wishes, owner, ifname);

		if (wishes.items[i].owner != owner)
			continue;
		if (others == ISOLATE_NO)
			ret = element_delete(nl, &sets, ISOLATE_SET_ISOLATED, ifname,
					     text, err);
		if (ret == 0 && others != ISOLATE_STRICTLY)
			ret = element_delete(nl, &sets, ISOLATE_SET_STRICT, ifname, text,
					     err);
	}
	return ret;
}
