/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * isolate: the node forwards nothing between this network and others. With true it keeps
 * isolated networks from each other, and forwards what it has translated, such as the
 * connections to a host port. With "strict" it keeps the network from all others, whether
 * translated or not.
 *
 * A network is known by the interface that the node forwards its packets by, and the
 * rules look into sets of such interfaces. Nothing is a pod's own, so a DEL deletes
 * nothing.
 */
#include "isolate.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/attachment/report.h"
#include "plugin/attachment/rules_seen.h"
#include "plugin/nft/nft.h"
#include "plugin/nft/rules_remove.h"
#include "facts.h"
#include "isolate_rules.h"
#include "stages.h"

static int rules_settle(struct attachment *att, bool *ret_replaced, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = isolate_rules_wanted(att->network, &wanted, err);

	if (ret == 0)
		ret = rules_ensure(att, stage_isolate.name, &wanted, err);
	*ret_replaced = ret == 0 && wanted.replaced;
	return *ret_replaced ? isolate_sets_complete(att, err) : ret;
}

/* Without the key nothing is looked at. With it the rules are read here for the stages
 * behind as well, so that the key costs an ADD little more than its elements. */
static int isolate_add(struct attachment *att, struct cni_error *err)
{
	bool ignored;

	if (!att->network->isolate)
		return 0;
	rules_seen_keep(&att->rules_seen);
	return rules_settle(att, &ignored, err);
}

static int element_count(const struct nft_element *found, void *data)
{
	(void)found;
	++*(size_t *)data;
	return 0;
}

/* Do the shared sets have just the elements that they are to have? */
static int sets_compare(struct attachment *net, bool *ret_same, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list wanted = {};
	const struct nft_element *missing;
	struct isolate_sets sets;
	struct netlink *nl;
	size_t n = 0;
	int ret = node_nftables(&net->op->node, &nl, err);

	isolate_sets_name(net->owner, &sets);
	if (ret == 0)
		ret = isolate_elements_make(net, &sets, &wanted, err);
	if (ret == 0 && nft_element_list_grow(&wanted, ISOLATE_SHARED_SETS) < 0)
		ret = error_oom(err);
	for (size_t i = 0; ret == 0 && i < ISOLATE_SHARED_SETS; i++) {
		set_sentinel(&sets.sets[i], &wanted.items[wanted.n++]);
		ret = nft_set_elements(nl, &sets.sets[i], element_count, &n, err);
	}
	if (ret == 0)
		ret = set_elements_compare(net, &wanted, &missing, err);
	*ret_same = ret == SET_ELEMENT_THERE && n == wanted.n;
	return ret < 0 ? ret : 0;
}

static int sets_write(struct attachment *net, struct cni_error *err)
{
	struct text text = {};
	int ret = isolate_sets_fill(net, &text, err);

	if (ret == 0)
		ret = text.failed ? error_oom(err)
				  : nft_apply(text.text, net->op->node.lock_fd, err);
	free(text.text);
	return ret < 0 ? ret : isolate_sets_complete(net, err);
}

/* Puts the sets right after changes that no ADD looks at: networks came or went, an
 * administrator deleted single elements. */
static int sets_settle(struct attachment *net, struct cni_error *err)
{
	bool same = false;
	int ret = sets_compare(net, &same, err);

	if (ret < 0 || same)
		return ret;
	ret = sets_write(net, err);
	if (ret == 0)
		report_done(net,
			    "isolate: the sets of networks in table inet " RULES_TABLE);
	return ret;
}

int isolate_unused_remove(struct attachment *net, struct cni_error *err)
{
	_cleanup_(isolate_wishes_clear) struct isolate_wishes wishes = {};
	_cleanup_(rule_list_clear) struct rule_list none = {};
	int ret = isolate_wishes_read(net, &wishes, err);

	if (ret < 0 || wishes.n > 0)
		return ret;
	ret = rules_ensure(net, stage_isolate.name, &none, err);
	if (ret == 0)
		rules_drop_sets(net, NFPROTO_INET, isolate_shared_names);
	return ret;
}

/* Has the owner sets of its own? Sentinels are told apart from interfaces, but either
 * shows it. */
static int owner_find(struct attachment *net, bool *ret_found, struct cni_error *err)
{
	struct isolate_sets sets;
	struct netlink *nl;
	size_t n = 0;
	int ret = node_nftables(&net->op->node, &nl, err);

	isolate_sets_name(net->owner, &sets);
	for (size_t i = ISOLATE_SET_OWN; ret == 0 && i < ISOLATE_SETS; i++)
		ret = nft_set_elements(nl, &sets.sets[i], element_count, &n, err);
	*ret_found = n > 0;
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

int isolate_settle(struct attachment *net, struct cni_error *err)
{
	bool found = false;
	int ret;

	if (net->network->isolate)
		return 0;
	network_gateway_ifname(net->network, net->gateway_ifname);
	ret = owner_find(net, &found, err);
	if (ret < 0 || !found)
		return ret;
	ret = sets_write(net, err);
	if (ret < 0)
		return ret;
	report_done(net, "isolate: %s is not isolated any more", net->gateway_ifname);
	return isolate_unused_remove(net, err);
}

static int isolate_repair_shared(struct attachment *net, struct cni_error *err)
{
	bool replaced = false;
	int ret;

	if (!net->network->isolate)
		return isolate_settle(net, err);
	ret = rules_settle(net, &replaced, err);
	return ret < 0 || replaced ? ret : sets_settle(net, err);
}

/* An element that is missing in one of the sets. */
struct missing {
	char ifname[IF_NAMESIZE]; /* "": none is missing */
	char set[NFT_SET_NAME_MAX];
};

/* Looks for the network's own elements. With "strict" those of the other networks matter
 * as much, and a bridge may have got another name since its ADD. */
static int missing_find(struct attachment *att, struct missing *ret_missing,
			struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list wanted = {};
	const struct nft_element *first = NULL;
	struct isolate_sets sets;
	int ret = 0;

	*ret_missing = (struct missing){};
	isolate_sets_name(att->owner, &sets);
	if (nft_element_list_grow(&wanted, ISOLATE_OF_NETWORK_MAX) < 0)
		return error_oom(err);
	wanted.n = isolate_elements_of(att->network, &sets, wanted.items);
	if (att->network->isolate == ISOLATE_STRICTLY)
		ret = isolate_elements_make(att, &sets, &wanted, err);
	if (ret == 0)
		ret = set_elements_compare(att, &wanted, &first, err);
	if (ret < 0 || !first)
		return ret;
	set_element_pod(first, ret_missing->ifname);
	snprintf(ret_missing->set, sizeof(ret_missing->set), "%s", first->set->name);
	return 0;
}

static int isolate_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	struct missing missing = {};
	bool own;
	int ret;

	if (!att->network->isolate)
		return 0;
	ret = isolate_rules_wanted(att->network, &wanted, err);
	if (ret == 0)
		ret = rules_check(att, stage_isolate.name, &wanted, err);
	if (ret == 0)
		ret = missing_find(att, &missing, err);
	if (ret < 0 || !missing.ifname[0])
		return ret;
	own = strcmp(missing.ifname, att->gateway_ifname) == 0;
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "isolate: expected an element for %s in set %s of table "
			 "inet " RULES_TABLE
			 ", found none: other networks may reach the pod; `bridge-cni "
			 "repair` puts it right%s",
			 missing.ifname, missing.set,
			 own ? ", as does the next ADD with this configuration" : "");
}

/* Is another network of the node isolated strictly, which takes this one for the
 * outside? */
static int outside_find(struct attachment *net, bool *ret_outside, struct cni_error *err)
{
	_cleanup_(isolate_wishes_clear) struct isolate_wishes wishes = {};
	int ret = net->bridge_has_other_ports ? isolate_wishes_read(net, &wishes, err)
					      : 0;

	for (size_t i = 0; ret == 0 && i < wishes.n; i++)
		*ret_outside |= wishes.items[i].strict;
	return ret;
}

static int isolate_show_shared(struct attachment *net, struct stage_facts *facts,
			       struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	struct missing missing;
	int ret;

	if (!facts->pods.any)
		return 0;
	if (!net->network->isolate)
		return outside_find(net, &facts->is_outside, err);
	ret = missing_find(net, &missing, err);
	if (ret == 0)
		ret = isolate_rules_wanted(net->network, &wanted, err);
	if (ret < 0)
		return ret;
	memcpy(facts->not_isolated, missing.ifname, sizeof(facts->not_isolated));
	return stage_facts_rules(facts, net, stage_isolate.name, &wanted, err);
}

const struct stage stage_isolate = {
	.name = "isolate",
	.switches = SWITCH_BIT(SWITCH_BRIDGE) | SWITCH_BIT(SWITCH_OVS),
	.add = isolate_add,
	.check = isolate_check,
	.repair_shared = isolate_repair_shared,
	.show_shared = isolate_show_shared,
};
