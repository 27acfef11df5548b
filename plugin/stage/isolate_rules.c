/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One rule in the chain `forward` finds packets from one network to another. They are few,
 * and go through the chain `between_networks`. So the number of rules is the same for all
 * networks, and a packet to or from the outside takes at most two comparisons.
 */
#include "isolate_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "chains.h"
#include "isolate_networks.h"

static const struct rules_chain between = {
	.name = "between_networks",
	.in_order = true,
};

/* "iifname . iifname" asks whether the set has the incoming interface, whose name its
 * element has twice. */
static const struct {
	const struct rules_chain *chain;
	const char *kind, *text;
} templates[] = {
	{&between, "fromstrict", "iifname @" ISOLATE_STRICT " counter drop"},
	{&between, "tostrict", "oifname @" ISOLATE_STRICT " counter drop"},
	{&between, "fromopen", "iifname != @" ISOLATE_ISOLATED " return"},
	{&between, "toopen", "oifname != @" ISOLATE_ISOLATED " return"},
	{&between, "translated", "ct status dnat return"},
	{&between, "direct", "counter drop"},
	{&chain_forward, "between",
	 "iifname . iifname @" ISOLATE_NETWORKS " oifname . oifname @" ISOLATE_NETWORKS
	 " iifname . oifname != @" ISOLATE_NETWORKS " jump between_networks"},
};

size_t isolate_elements_of(const struct network *network, const struct isolate_sets *sets,
			   struct nft_element ret_elements[ISOLATE_OF_NETWORK_MAX])
{
	bool strict = network->isolate == ISOLATE_STRICTLY;
	char ifname[IF_NAMESIZE];
	size_t n = 0;

	network_gateway_ifname(network, ifname);
	isolate_element(sets, ISOLATE_SET_NETWORKS, ifname, &ret_elements[n++]);
	isolate_element(sets, ISOLATE_SET_ISOLATED, ifname, &ret_elements[n++]);
	if (strict)
		isolate_element(sets, ISOLATE_SET_STRICT, ifname, &ret_elements[n++]);
	isolate_element(sets, strict ? ISOLATE_SET_OWN_STRICT : ISOLATE_SET_OWN, ifname,
			&ret_elements[n++]);
	return n;
}

/* The network's own elements are looked for, each in one of the sets, and the sentinel
 * of a set where the network has none. */
static int probes_make(const struct network *network, struct rule_list *list,
		       struct cni_error *err)
{
	struct nft_element elements[ISOLATE_OF_NETWORK_MAX + 1];
	struct isolate_sets sets;
	size_t n;

	isolate_sets_name(network->owner, &sets);
	n = isolate_elements_of(network, &sets, elements);
	if (network->isolate != ISOLATE_STRICTLY)
		set_sentinel(&sets.sets[ISOLATE_SET_STRICT], &elements[n++]);
	list->sentinels = calloc(n, sizeof(*list->sentinels));
	if (!list->sentinels)
		return error_oom(err);
	for (size_t i = 0; i < n; i++)
		list->sentinels[i] = (struct nft_probe){*elements[i].set,
							elements[i].key};
	list->sentinels_n = n;
	return 0;
}

int isolate_rules_wanted(const struct network *network, struct rule_list *ret_list,
			 struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list list = {
		.items = calloc(ARRAY_SIZE(templates), sizeof(*list.items)),
		.fill = isolate_sets_fill,
	};

	if (!list.items)
		return error_oom(err);
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		struct rule *rule = &list.items[list.n++];

		rule->chain = templates[i].chain;
		rule->shared = true;
		snprintf(rule->kind, sizeof(rule->kind), "%s", templates[i].kind);
		rule->text = strdup(templates[i].text);
		if (!rule->text)
			return error_oom(err);
	}
	if (probes_make(network, &list, err) < 0)
		return -ENOMEM;
	*ret_list = list;
	list = (struct rule_list){};
	return 0;
}

static int wish_add(struct isolate_wishes *wishes, uint64_t owner, const char *ifname,
		    bool strict, struct cni_error *err)
{
	struct isolate_wish *added = LIST_ADD(wishes);

	if (!added)
		return error_oom(err);
	added->owner = owner;
	added->strict = strict;
	snprintf(added->ifname, sizeof(added->ifname), "%s", ifname);
	return 0;
}

/* Makes the list of what all owners want now. This owner wants its network's interface;
 * and those that it wanted before and that are still there, such as the gateway of a VLAN
 * that its pods were in before the configuration changed. */
static int wishes_make(struct attachment *att, struct isolate_wishes *ret_wishes,
		       struct cni_error *err)
{
	_cleanup_(isolate_wishes_clear) struct isolate_wishes before = {}, now = {};
	bool strict = att->network->isolate == ISOLATE_STRICTLY;
	char ifname[IF_NAMESIZE];
	int ret = isolate_wishes_read(att, &before, err);

	network_gateway_ifname(att->network, ifname);
	if (ret == 0 && att->network->isolate)
		ret = wish_add(&now, att->owner, ifname, strict, err);
	for (size_t i = 0; ret == 0 && i < before.n; i++) {
		const struct isolate_wish *wish = &before.items[i];
		bool own = wish->owner == att->owner;

		if (own && (!att->network->isolate || strcmp(wish->ifname, ifname) == 0 ||
			    netlink_ifindex(att->op->node.rtnl, wish->ifname) == 0))
			continue;
		ret = wish_add(&now, wish->owner, wish->ifname,
			       own ? strict : wish->strict, err);
	}
	if (ret < 0)
		return ret;
	*ret_wishes = now;
	now = (struct isolate_wishes){};
	return 0;
}

/* The interfaces that elements are made for, by their names. */
enum names {
	NAMES_ALL,
	NAMES_PLAIN, /* those that nft can read ... */
	NAMES_OTHER, /* ... and those that it can't */
};

static int elements_add(const struct isolate_sets *sets, enum isolate_set which,
			const struct ifname_list *list, enum names names,
			struct nft_element_list *elements, struct cni_error *err)
{
	if (nft_element_list_grow(elements, list->n) < 0)
		return error_oom(err);
	for (size_t i = 0; i < list->n; i++) {
		const char *ifname = list->items[i].text;

		if (names == NAMES_ALL ||
		    set_ifname_is_plain(ifname) == (names == NAMES_PLAIN))
			isolate_element(sets, which, ifname,
					&elements->items[elements->n++]);
	}
	return 0;
}

/* Makes the elements of one set. Networks that are not isolated matter to those alone that
 * are so strictly. */
static int set_make(struct attachment *att, const struct isolate_sets *sets,
		    const struct isolate_wishes *wishes, enum isolate_set which,
		    enum names names, struct nft_element_list *elements,
		    struct cni_error *err)
{
	_cleanup_(ifname_list_clear) struct ifname_list list = {};
	bool any_strict = false;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < wishes->n; i++) {
		const struct isolate_wish *wish = &wishes->items[i];
		bool own = wish->owner == att->owner;

		any_strict |= wish->strict;
		if ((which == ISOLATE_SET_STRICT && !wish->strict) ||
		    (which == ISOLATE_SET_OWN && (!own || wish->strict)) ||
		    (which == ISOLATE_SET_OWN_STRICT && (!own || !wish->strict)))
			continue;
		ret = ifname_list_add(&list, wish->ifname, err);
	}
	if (ret == 0 && which == ISOLATE_SET_NETWORKS && any_strict)
		ret = isolate_networks_find(att, &list, err);
	return ret < 0 ? ret : elements_add(sets, which, &list, names, elements, err);
}

static int sets_make(struct attachment *att, const struct isolate_sets *sets, size_t n,
		     enum names names, struct nft_element_list *elements,
		     struct cni_error *err)
{
	_cleanup_(isolate_wishes_clear) struct isolate_wishes wishes = {};
	int ret = wishes_make(att, &wishes, err);

	for (size_t which = 0; ret == 0 && which < n; which++)
		ret = set_make(att, sets, &wishes, which, names, elements, err);
	return ret;
}

int isolate_elements_make(struct attachment *att, const struct isolate_sets *sets,
			  struct nft_element_list *elements, struct cni_error *err)
{
	return sets_make(att, sets, ISOLATE_SHARED_SETS, NAMES_ALL, elements, err);
}

/* Has an owner one of its own sets, now? */
static bool has_set(enum isolate isolate, enum isolate_set which)
{
	return (which == ISOLATE_SET_OWN && isolate == ISOLATE_YES) ||
	       (which == ISOLATE_SET_OWN_STRICT && isolate == ISOLATE_STRICTLY);
}

int isolate_sets_fill(struct attachment *att, struct text *text, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct isolate_sets sets;
	int ret;

	isolate_sets_name(att->owner, &sets);
	ret = sets_make(att, &sets, ISOLATE_SETS, NAMES_PLAIN, &elements, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < ISOLATE_SETS; i++)
		set_declare(&sets.sets[i], att->network->name, text);
	sets_fill(sets.sets, ISOLATE_SETS, true, &elements, text);
	for (size_t i = ISOLATE_SET_OWN; i < ISOLATE_SETS; i++)
		if (!has_set(att->network->isolate, i))
			text_add(text, "delete set inet " RULES_TABLE " %s\n",
				 sets.sets[i].name);
	return 0;
}

int isolate_sets_complete(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct isolate_sets sets;
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	isolate_sets_name(att->owner, &sets);
	if (ret == 0)
		ret = sets_make(att, &sets, ISOLATE_SETS, NAMES_OTHER, &elements, err);
	return ret < 0 || elements.n == 0
		       ? ret
		       : nft_elements_add(nl, elements.items, elements.n, err);
}
