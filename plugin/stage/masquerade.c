/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipMasq: packets from the network's subnets to anywhere but those subnets take the
 * node's address. An owner has rules over its subnets for each family, and none for a
 * pod, so nothing is added or deleted as pods come and go. The subnets of
 * runtimeConfig.ipRanges, which each ADD may have others of, get rules of their own,
 * which stay.
 *
 * The subnets of a delegated IPAM are known only with each address: there the rules look
 * into sets of pods. They do so, too, for pods whose records say something else than the
 * present configuration, because another one was in force at their time. Such pods keep
 * what they have (masquerade_apart.h).
 */
#include <errno.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/nft/rules.h"
#include "facts.h"
#include "masquerade_apart.h"
#include "masquerade_asked.h"
#include "masquerade_settle.h"
#include "masquerade_pods.h"
#include "masquerade_rules.h"
#include "masquerade_subnets.h"
#include "stages.h"

static bool is_by_pod(const struct network *network)
{
	return network->ip_masq && ipam_delegated(network);
}

/* Replaces @wanted, in which rules that were found are marked, by the list of the rules
 * that are to be there now. */
static int complete_with(struct attachment *att, bool repairs, struct rule_list *wanted,
			 struct cni_error *err)
{
	_cleanup_(masquerade_pods_clear) struct masquerade_pods pods = {};
	struct rule_list now = {};
	int ret = masquerade_apart_find(att, wanted, repairs, &pods, err);

	if (ret == 0)
		ret = masquerade_rules_wanted(att, MASQUERADE_FOR_PODS, &pods, &now, err);
	if (ret < 0)
		return ret;
	/* The sets are checked for being emptied where @wanted asks for it. */
	if (wanted->sentinels_n > 0 && now.set_commands.len > 0 && now.sentinels_n == 0)
		ret = masquerade_sets_watch(att->owner, &now, err);
	if (ret < 0) {
		rule_list_clear(&now);
		return ret;
	}
	rule_list_clear(wanted);
	*wanted = now;
	return 0;
}

static int complete(struct attachment *att, struct rule_list *wanted,
		    struct cni_error *err)
{
	return complete_with(att, attachment_is_repaired(att), wanted, err);
}

/* Puts the rules right, those over sets of pods included. @emptied: a set of pods lacks
 * its elements. */
static int rules_replace(struct attachment *att, bool emptied, bool *ret_has_pods,
			 struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = masquerade_rules_wanted(att, MASQUERADE_BY_SUBNET_OR_POD, NULL, &wanted,
					  err);

	if (ret == 0 && emptied && wanted.sentinels_n == 0)
		ret = masquerade_sets_watch(att->owner, &wanted, err);
	wanted.complete = complete;
	if (ret == 0)
		ret = rules_ensure(att, stage_masquerade.name, &wanted, err);
	*ret_has_pods = ret == 0 && masquerade_has_pods(&wanted);
	return ret;
}

/* Looks at the rules, also without ipMasq: there may be rules of a time when it was
 * set. */
static int rules_settle(struct attachment *att, bool *ret_has_pods, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	bool settled = false;
	int ret = masquerade_rules_wanted(att, MASQUERADE_BY_SUBNET, NULL, &wanted, err);

	*ret_has_pods = false;
	if (ret == 0)
		ret = rules_compare(att, stage_masquerade.name, &wanted, &settled, err);
	return ret < 0 || settled ? ret : rules_replace(att, false, ret_has_pods, err);
}

static int masquerade_add(struct attachment *att, struct cni_error *err)
{
	bool has_pods = false;
	int ret = rules_settle(att, &has_pods, err);

	if (ret == 0 && is_by_pod(att->network))
		return masquerade_pods_add(att, err);
	if (ret < 0 || !has_pods)
		return ret;
	/* The rules over subnets serve this pod. A former pod with its address may have
	 * had elements that serve it otherwise. */
	ret = masquerade_pods_del_former(att, err);
	return ret == MASQUERADE_SETS_EMPTIED ? rules_replace(att, true, &has_pods, err)
					      : ret;
}

/* Repairs the rules. Records may have come or gone since, and rules over sets of pods may
 * not be needed any more. A network whose ranges are all asked for by its pods has rules
 * of theirs alone. */
static int masquerade_repair_shared(struct attachment *net, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	bool ignored;
	int ret;

	ret = masquerade_rules_wanted(net, MASQUERADE_BY_SUBNET_OR_POD, NULL, &wanted,
				      err);
	if (ret == 0)
		ret = rules_compare(net, stage_masquerade.name, &wanted, &ignored, err);
	if (ret == 0 && wanted.sentinels_n == 0)
		ret = masquerade_sets_watch(net->owner, &wanted, err);
	if (ret == 0)
		ret = complete_with(net, true, &wanted, err);
	return ret < 0 ? ret : rules_ensure(net, stage_masquerade.name, &wanted, err);
}

/* Puts back elements that somebody deleted while the rules stayed. */
static int elements_repair(struct attachment *att, struct cni_error *err)
{
	bool there = false;
	int ret = masquerade_pods_find(att, &there, err);

	if (ret < 0 || there)
		return ret;
	ret = masquerade_pods_add(att, err);
	if (ret == 0)
		report_done(att, "masquerade: its elements in table inet " RULES_TABLE);
	return ret;
}

int masquerade_settle(struct attachment *net, struct cni_error *err)
{
	struct rule_list none = {};
	bool absent = false;
	int ret = rules_compare(net, stage_masquerade.name, &none, &absent, err);

	return ret < 0 || absent ? ret : masquerade_repair_shared(net, err);
}

static int masquerade_repair(struct attachment *att, struct cni_error *err)
{
	const struct record *record = att->record;
	bool ignored;

	if (!att->network->ip_masq || !record_says(record->masquerade, true))
		return 0;
	/* The rules are over subnets that only this attachment's ADD was told of. */
	if (record->ranges_n && ipam_in_process(att->network))
		return rules_settle(att, &ignored, err);
	/* A reserved address is of a time when the network had its addresses from the
	 * in-process IPAM. */
	if (is_by_pod(att->network) && record->n && !record->addresses[0].reserved)
		return elements_repair(att, err);
	return 0;
}

/* Was the pod masqueraded when its ADD ran, though the configuration has no ipMasq
 * now? */
static int was_masqueraded(struct attachment *att, bool *ret_was, struct cni_error *err)
{
	_cleanup_(record_clear) struct record own = {};
	int ret = att->network->ip_masq
			  ? IPAM_NO_RECORD
			  : ipam_record_read(&att->ipam_env, att->pod, &own, err);

	if (ret == 0)
		*ret_was = record_says(own.masquerade, false);
	return ret == IPAM_NO_RECORD ? 0 : ret;
}

/* Checks the rules of that time. They serve the pod until an ADD with the present
 * configuration replaces them by rules over sets of pods. */
static int former_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	bool was = false, settled = false;
	int ret = was_masqueraded(att, &was, err);

	if (ret < 0 || !was)
		return ret;
	ret = masquerade_rules_wanted(att, MASQUERADE_BY_SUBNET_OR_POD, NULL, &wanted,
				      err);
	if (ret == 0)
		ret = rules_compare(att, stage_masquerade.name, &wanted, &settled, err);
	if (ret < 0 || !settled)
		return ret;
	if (masquerade_has_pods(&wanted))
		return masquerade_pods_check(att, err);
	return error_set(
		err, CNI_ERR_CHECK, ENOENT,
		"masquerade: expected in table inet " RULES_TABLE
		" the rules for pods whose ADD had ipMasq, found none; "
		"`bridge-cni repair` puts them right, the next ADD without ipMasq "
		"doesn't");
}

/* Checks the rules. Those over subnets may be gone where the pod, from before a change of
 * the configuration, is in the sets of pods. */
static int masquerade_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	struct cni_error own = {};
	bool there = false;
	int ret = masquerade_rules_wanted(att, MASQUERADE_BY_SUBNET_OR_POD, NULL, &wanted,
					  &own);

	if (ret == 0)
		ret = rules_check(att, stage_masquerade.name, &wanted, &own);
	if (ret < 0 && own.code == CNI_ERR_CHECK && masquerade_has_pods(&wanted) &&
	    masquerade_pods_find(att, &there, NULL) == 0 && there)
		return 0;
	if (ret < 0)
		error_copy(err, &own);
	else if (is_by_pod(att->network))
		ret = masquerade_pods_check(att, err);
	return ret < 0 ? ret : former_check(att, err);
}

/* Of the families that the network has addresses of, or may be given by another IPAM
 * plugin. */
static int kept_show(const struct network *network, struct stage_facts *facts,
		     struct cni_error *err)
{
	const struct range_set_list none = {}, fixed = masquerade_fixed_sets(network);

	for (size_t f = 0; f < IP_FAMILIES; f++) {
		bool has = ipam_delegated(network);

		for (size_t i = 0; i < fixed.n; i++)
			has = has || fixed.items[i].ranges[0].subnet.addr.family ==
					     ip_families[f];
		if (has && masquerade_kept_add(network, &none, ip_families[f],
					       &facts->keeps) < 0)
			return error_oom(err);
	}
	return 0;
}

static int masquerade_show_shared(struct attachment *net, struct stage_facts *facts,
				  struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret;

	if (!net->network->ip_masq)
		return 0;
	ret = kept_show(net->network, facts, err);
	if (ret < 0 || !facts->pods.any)
		return ret;
	ret = masquerade_rules_wanted(net, MASQUERADE_BY_SUBNET_OR_POD, NULL, &wanted,
				      err);
	return ret < 0 ? ret
		       : stage_facts_rules(facts, net, stage_masquerade.name, &wanted,
					   err);
}

/* Tells which elements of its addresses are in the sets of pods. */
static int masquerade_show(struct attachment *att, struct stage_facts *facts,
			   struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	const struct record *record = att->record;
	struct masquerade_sets sets;
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	masquerade_sets_name(att->owner, &sets);
	for (size_t i = 0; ret == 0 && i < record->n; i++)
		ret = masquerade_elements_add(&sets, &record->addresses[i].address,
					      record_says(record->masquerade,
							  att->network->ip_masq),
					      &elements, err);
	for (size_t i = 0; ret >= 0 && i < elements.n; i++) {
		struct nft_element found;

		ret = nft_element_get(nl, elements.items[i].set, &elements.items[i].key,
				      &found, err);
		if (ret != 0)
			continue;
		set_element_describe(&elements.items[i], &facts->elements);
		text_add(&facts->elements, "\n");
	}
	/* A kernel without nf_tables has no elements. */
	if (ret == -EPROTONOSUPPORT)
		ret = error_clear(err);
	return ret < 0 ? ret : 0;
}

const struct stage stage_masquerade = {
	.name = "masquerade",
	.switches = SWITCH_BIT(SWITCH_BRIDGE) | SWITCH_BIT(SWITCH_OVS),
	.add = masquerade_add,
	.check = masquerade_check,
	.repair_shared = masquerade_repair_shared,
	.repair = masquerade_repair,
	.show_shared = masquerade_show_shared,
	.show = masquerade_show,
};
