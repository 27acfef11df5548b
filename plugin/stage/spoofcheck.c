/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macspoofchk lets the pod send only from its MAC address; spoofCheck also only from its
 * addresses, in IPv4, ARP, IPv6 and neighbour advertisements. In the table bridge
 * bridge_cni a network has a constant number of rules over sets, and its pods are the
 * sets' elements (spoofcheck_elements.h), which elements.c adds and deletes. The rules
 * count attempts.
 */
#include <errno.h>
#include <stdio.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "plugin/nft/rules.h"
#include "spoofcheck_elements.h"
#include "stages.h"

static const struct rules_chain prerouting = {
	.name = "prerouting",
	.hook = "type filter hook prerouting priority dstnat",
};

/*
 * $0 to $5 stand for the sets. No rule depends on its place among the others. An
 * unspecified source is right only where an address is looked for. Tagged frames would
 * carry addresses past the other rules.
 */
static const struct {
	const char *kind, *text;
	bool addresses; /* spoofCheck's rule, not macspoofchk's */
} templates[] = {
	{"mac", "iifname @$0 iifname . ether saddr != @$2 counter drop", false},
	{"tag", "iifname @$1 ether type { 8021q, 8021ad } counter drop", true},
	{"ip4", "iifname @$1 iifname . ip saddr != @$3 counter drop", true},
	{"arp4", "iifname @$1 iifname . arp saddr ip != @$3 counter drop", true},
	{"arpmac", "iifname @$1 iifname . arp saddr ether != @$2 counter drop", true},
	{"any6",
	 "iifname @$1 ip6 saddr :: icmpv6 type != { nd-neighbor-solicit, "
	 "nd-router-solicit, mld-listener-report, mld2-listener-report } counter drop",
	 true},
	{"any6proto", "iifname @$1 ip6 saddr :: meta l4proto != icmpv6 counter drop",
	 true},
	{"ip6", "iifname @$1 ip6 saddr != :: iifname . ip6 saddr != @$4 counter drop",
	 true},
	{"na6",
	 "iifname @$1 icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @$5 counter "
	 "drop",
	 true},
};

static void template_add(const char *template, const struct spoof_sets *sets,
			 struct text *text)
{
	for (const char *c = template; *c; c++) {
		if (*c == '$')
			text_add(text, "%s", sets->sets[*++c - '0'].name);
		else
			text_put(text, c, 1);
	}
}

/* @addresses: those of spoofCheck are needed, too. */
static int rules_wanted(const struct network *network, bool addresses,
			struct rule_list *ret_list, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list list = {
		.family = "bridge",
		.items = calloc(ARRAY_SIZE(templates), sizeof(*list.items)),
	};
	struct spoof_sets sets;
	int ret;

	if (!list.items)
		return error_oom(err);
	spoof_sets_name(network->owner, &sets);
	ret = spoof_sets_wanted(network, &list, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		struct rule *rule = &list.items[list.n];
		struct text text = {};

		/* A rule on addresses may be there for pods of a time when spoofCheck was
		 * configured. */
		rule->tolerated = templates[i].addresses && !addresses;
		template_add(templates[i].text, &sets, &text);
		rule->chain = &prerouting;
		snprintf(rule->kind, sizeof(rule->kind), "%s", templates[i].kind);
		rule->text = text.text;
		list.n++;
		if (text.failed)
			return error_oom(err);
	}
	*ret_list = list;
	list = (struct rule_list){};
	return 0;
}

/* The checks that the owner's connected pods have, by their records. */
struct kept {
	bool configured; /* spoofCheck, for records that don't say */
	bool macs, addresses;
};

static int kept_note(const struct record *record, void *data, struct cni_error *err)
{
	struct kept *kept = data;

	(void)err;
	kept->macs |= record->spoof_check;
	kept->addresses |= record->spoof_check &&
			   record_says(record->spoof_addresses, kept->configured);
	return 0;
}

/* Tolerated rules become wanted ones where a pod needs them, and are left out where none
 * does. */
static int complete(struct attachment *att, struct rule_list *wanted,
		    struct cni_error *err)
{
	struct kept kept = {.configured = att->network->spoof_check};
	int ret = ipam_record_each(&att->ipam_env, kept_note, &kept, err);
	size_t n = 0;

	for (size_t i = 0; ret == 0 && i < wanted->n; i++) {
		struct rule rule = wanted->items[i];

		if (rule.tolerated && !kept.addresses) {
			free(rule.text);
			continue;
		}
		rule.tolerated = false;
		wanted->items[n++] = rule;
	}
	if (ret == 0)
		wanted->n = n;
	return ret;
}

/* Puts the rules right that pods with these checks need. */
static int rules_settle(struct attachment *att, bool macs, bool addresses,
			struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret;

	if (!macs)
		return 0;
	ret = rules_wanted(att->network, addresses, &wanted, err);
	wanted.complete = complete;
	return ret < 0 ? ret : rules_ensure(att, stage_spoofcheck.name, &wanted, err);
}

static int spoofcheck_rules(struct attachment *att, struct cni_error *err)
{
	return rules_settle(att, att->pod->mac_spoof_check, att->pod->spoof_check, err);
}

/* Repairs the rules also where the configuration asks for no check any more: pods that
 * have a check keep it. */
static int spoofcheck_repair_shared(struct attachment *net, struct cni_error *err)
{
	const struct network *network = net->network;
	struct kept kept = {.configured = network->spoof_check};
	int ret = ipam_record_each(&net->ipam_env, kept_note, &kept, err);

	return ret < 0 ? ret
		       : rules_settle(net, network->mac_spoof_check || kept.macs,
				      network->spoof_check || kept.addresses, err);
}

/* Makes the elements that the attachment is to have, and looks for the first of them that
 * is missing (set_elements_compare()). */
static int missing_find(struct attachment *att, const struct spoof_sets *sets,
			struct nft_element_list *elements,
			const struct nft_element **ret_missing, struct cni_error *err)
{
	struct pod_facts pod;
	struct netlink *nl;
	int ret;

	pod_facts_of_attachment(att, &pod);
	ret = spoof_elements_make(sets, &pod, true, elements, err);
	if (ret == 0)
		ret = node_nftables(&att->op->node, &nl, err);
	return ret < 0 ? ret : set_elements_compare(nl, elements, ret_missing, err);
}

/* Puts back elements that somebody flushed while the rules stayed. */
static int spoofcheck_repair(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	const struct nft_element *missing = NULL;
	struct spoof_sets sets;
	struct netlink *nl;
	int ret;

	if (!att->record->spoof_check)
		return 0;
	spoof_sets_name(att->owner, &sets);
	ret = missing_find(att, &sets, &elements, &missing, err);
	if (ret < 0 || ret == SET_ELEMENT_THERE)
		return ret;
	ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0)
		ret = nft_elements_add(nl, elements.items, elements.n, err);
	if (ret == 0)
		report_done(att, "spoofcheck: its elements in table bridge " RULES_TABLE);
	return ret;
}

static int spoofcheck_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	const struct nft_element *missing = NULL;
	struct spoof_sets sets;
	int ret;

	if (!att->pod->mac_spoof_check)
		return 0;
	spoof_sets_name(att->owner, &sets);
	ret = rules_wanted(att->network, att->pod->spoof_check, &wanted, err);
	if (ret == 0)
		ret = rules_check(att, stage_spoofcheck.name, &wanted, err);
	if (ret == 0)
		ret = missing_find(att, &sets, &elements, &missing, err);
	if (ret < 0 || ret == SET_ELEMENT_THERE)
		return ret;
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "%s: expected an element for %s in set %s of table "
			 "bridge " RULES_TABLE ", found none: what the pod sends is "
			 "dropped, or not looked at",
			 att->pod->spoof_check ? "spoofCheck" : "macspoofchk",
			 att->pod->host_ifname, missing->set->name);
}

/* An earlier version's pod may have all elements, whatever the configuration says now. */
static int spoofcheck_elements(struct attachment *att, enum stage_elements_of which,
			       struct stage_elements *elements, struct cni_error *err)
{
	struct spoof_sets *sets;
	struct pod_facts pod;

	if (which == ELEMENTS_WANTED)
		pod_facts_of_attachment(att, &pod);
	else if (which != ELEMENTS_HELD || !pod_facts_held(att, &pod))
		return 0;
	if (!pod.mac_spoof_check)
		return 0;
	sets = stage_elements_keep(elements, sizeof(*sets), NULL);
	if (!sets)
		return error_oom(err);
	spoof_sets_name(att->owner, sets);
	return spoof_elements_make(sets, &pod, true, &elements->list, err);
}

const struct stage stage_spoofcheck = {
	.name = "spoofcheck",
	.add = spoofcheck_rules,
	.check = spoofcheck_check,
	.repair_shared = spoofcheck_repair_shared,
	.repair = spoofcheck_repair,
	.elements = spoofcheck_elements,
	.set_types = spoof_set_types,
	.set_types_n = SPOOF_SETS,
};
