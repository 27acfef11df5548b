/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the owners of a network's name that have rules but no interfaces any more. */
#include "rules_retire.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/list.h"
#include "ipam/ipam.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/node/node.h"
#include "isolate_sets.h"
#include "rule_deletions.h"
#include "rules_owner.h"
#include "rules_remove.h"

/* Another owner of the network's name. */
struct other {
	uint64_t owner;
	struct rule_deletions rules;
	bool lives;
};

struct others {
	const char *family; /* of the table, for deletions; NULL: none are wanted */
	uint64_t owner, network;
	bool own; /* this owner has rules, too */
	struct other *items;
	size_t n;
};

static void others_clear(struct others *others)
{
	for (size_t i = 0; i < others->n; i++)
		rule_deletions_clear(&others->items[i].rules);
	free(others->items);
}

static struct other *other_find(struct others *others, uint64_t owner)
{
	struct other *added;

	for (size_t i = 0; i < others->n; i++)
		if (others->items[i].owner == owner)
			return &others->items[i];
	added = LIST_ADD(others);
	if (added)
		added->owner = owner;
	return added;
}

static int rule_note(const char *chain, uint64_t handle, const char *comment, void *data)
{
	struct others *others = data;
	struct rules_comment read;
	struct other *other;

	if (handle == 0) {
		others->own = false;
		for (size_t i = 0; i < others->n; i++)
			rule_deletions_reset(&others->items[i].rules);
		return 0;
	}
	if (!rules_comment_read(comment, &read) || read.network != others->network ||
	    read.version == RULES_VERSION_BY_NAME)
		return 0;
	if (read.owner == others->owner) {
		others->own = true;
		return 0;
	}
	other = other_find(others, read.owner);
	if (!other)
		return -ENOMEM;
	if (others->family)
		rule_deletions_add(&other->rules, others->family, chain, handle);
	return 0;
}

static int others_read(struct attachment *att, int protocol, struct others *others,
		       struct cni_error *err)
{
	struct nft_probes none = {};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	others->owner = att->owner;
	others->network = hash_text(att->network->name);
	if (ret == 0)
		ret = nft_table_rules(nl, protocol, RULES_TABLE, NULL, &none, rule_note,
				      others, err);
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

/* Reads the other owners of both tables. */
static int others_read_all(struct attachment *att, struct others *others,
			   struct cni_error *err)
{
	int ret = others_read(att, NFPROTO_INET, others, err);
	bool own = others->own;

	if (ret == 0)
		ret = others_read(att, NFPROTO_BRIDGE, others, err);
	others->own |= own;
	return ret;
}

/* Notes whose interface it is. An interface of the network's name whose MAC address fits
 * no owner may be any owner's: then all of them live. */
static void link_note(const struct attachment *att, struct others *others,
		      const struct link *link)
{
	struct alias_names names;
	bool told = false;

	if (!link_is(link, "veth") || !identity_alias_read(link->alias, &names) ||
	    strcmp(names.network, att->network->name) != 0)
		return;
	told = rules_owner_made(others->owner, link, &names);
	for (size_t i = 0; i < others->n && !told; i++)
		if (rules_owner_made(others->items[i].owner, link, &names))
			others->items[i].lives = told = true;
	for (size_t i = 0; i < others->n && !told; i++)
		others->items[i].lives = true;
}

static int others_find_living(struct attachment *att, struct others *others,
			      struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	int ret = link_list_get(att->op->node.rtnl, &links, err);

	for (size_t i = 0; ret == 0 && i < links.n; i++)
		link_note(att, others, &links.items[i]);
	return ret;
}

int rules_retire_others(struct attachment *att, int protocol, const char *family,
			struct text *text, struct cni_error *err)
{
	_cleanup_(others_clear) struct others others = {.family = family}, any = {};
	int ret = others_read_all(att, &any, err);

	if (ret == 0 && any.n > 0)
		ret = others_read(att, protocol, &others, err);
	if (ret < 0 || any.n == 0)
		return ret;
	/* Noted for each DEL, which then looks whether it was the last one of its
	 * owner. */
	ipam_note_others(&att->ipam_env);
	ret = others_find_living(att, &others, err);
	for (size_t i = 0; ret == 0 && i < others.n; i++) {
		const struct other *other = &others.items[i];

		if (other->lives || other->rules.rules.len == 0)
			continue;
		rule_deletions_write(&other->rules, text);
		ret = rules_sets_delete(att, protocol, family, other->owner, text, err);
		if (ret == 0 && protocol == NFPROTO_INET)
			ret = isolate_leave(att, other->owner, text, err);
	}
	return ret;
}

static int retire(struct attachment *att, struct cni_error *err)
{
	_cleanup_(others_clear) struct others others = {};
	bool last = false, ignored;
	int ret = others_read_all(att, &others, err);

	if (ret < 0 || others.n == 0 || !others.own)
		return ret;
	ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	/* An ADD may have come meanwhile. */
	if (ret == 0)
		ret = ipam_has_no_record(&att->ipam_env, &last, err);
	return ret == 0 && last ? rules_remove(att, &ignored, err) : ret;
}

void rules_retire(struct attachment *att)
{
	struct cni_error err = {};

	if (retire(att, &err) < 0)
		notice(&att->op->notices,
		       "network %s: its rules for bridge %s, which no pod needs "
		       "any more, stay: %s",
		       att->network->name, att->bridge, err.msg);
}
