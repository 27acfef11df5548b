/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macspoofchk lets the pod send only from its MAC address; spoofCheck also only from its
 * addresses, and only what a host says that is neither a router nor a server of the
 * network. In the table bridge bridge_cni a network has a constant number of rules
 * (spoofcheck_rules.h) over sets, and its pods are the sets' elements
 * (spoofcheck_elements.h), which elements.c adds and deletes.
 */
#include <errno.h>
#include <linux/netfilter.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "plugin/nft/rules_remove.h"
#include "facts.h"
#include "port.h"
#include "spoofcheck_elements.h"
#include "spoofcheck_rules.h"
#include "stages.h"

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

/* All tolerated rules are spoofCheck's. */
static bool is_needed(const struct rule *rule, const void *data)
{
	const struct kept *kept = data;

	(void)rule;
	return kept->addresses;
}

/* Tolerated rules become wanted ones where a pod needs them, and are left out where none
 * does. */
static int complete(struct attachment *att, struct rule_list *wanted,
		    struct cni_error *err)
{
	struct kept kept = {.configured = att->network->spoof_check};
	int ret = ipam_record_each(&att->ipam_env, kept_note, &kept, err);

	if (ret == 0)
		rule_list_settle(wanted, is_needed, &kept);
	return ret;
}

/* Deletes the former version's sets of the owner, which its rules looked into. */
static void former_sets_drop(struct attachment *att)
{
	struct spoof_sets sets;
	const char *names[SPOOF_SETS_EVER - SPOOF_SETS + 1] = {};

	spoof_sets_name(att->owner, &sets);
	for (size_t i = SPOOF_SETS; i < SPOOF_SETS_EVER; i++)
		names[i - SPOOF_SETS] = sets.sets[i].name;
	rules_drop_sets(att, NFPROTO_BRIDGE, names);
}

/* Puts the rules right that pods with these checks need. @all: looks at all of them, not
 * only at those that tell of the others. */
static int rules_settle(struct attachment *att, bool macs, bool addresses, bool all,
			struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret;

	if (!macs)
		return 0;
	ret = spoof_rules_wanted(att->network, addresses, &wanted, err);
	wanted.complete = complete;
	if (all)
		wanted.glance = NULL;
	if (ret == 0)
		ret = rules_ensure(att, stage_spoofcheck.name, &wanted, err);
	if (ret == 0 && wanted.replaced)
		former_sets_drop(att);
	return ret;
}

static int rules_add(struct attachment *att, struct cni_error *err)
{
	return rules_settle(att, att->pod->mac_spoof_check, att->pod->spoof_check, false,
			    err);
}

/* Makes the elements that the attachment is to have. */
static int wanted_make(const struct attachment *att, struct spoof_sets *sets,
		       struct nft_element_list *elements, struct cni_error *err)
{
	struct pod_facts pod;

	pod_facts_of_attachment(att, &pod);
	spoof_sets_name(att->owner, sets);
	return spoof_elements_make(sets, &pod, true, elements, err);
}

/* Another IPAM plugin needs the port, and may take long. So the elements that the pod has
 * without addresses are there before the port is opened for it; those of the addresses
 * follow with all others (elements.c). */
static int opened_early(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct spoof_sets sets;
	struct netlink *nl = NULL;
	int ret = wanted_make(att, &sets, &elements, err);

	if (ret == 0)
		ret = node_nftables(&att->op->node, &nl, err);
	if (ret < 0)
		return ret;
	ret = nft_elements_add(nl, elements.items, elements.n, err);
	if (ret == 0)
		ret = port_open(att, err);
	/* The kernel may have added them although its answer was lost. */
	if (ret < 0)
		nft_elements_del(nl, elements.items, elements.n, NULL);
	return ret;
}

static int spoofcheck_add(struct attachment *att, struct cni_error *err)
{
	int ret = rules_add(att, err);

	if (ret < 0 || !ipam_delegated(att->network))
		return ret;
	if (att->pod->mac_spoof_check)
		return opened_early(att, err);
	/* Without its entry the port gets no answer of a DHCP server. */
	return att->quiet ? port_open(att, err) : 0;
}

/* Makes the elements that the pod may have, whatever the configuration says now. */
static int held_make(const struct spoof_sets *sets, const struct pod_facts *pod,
		     struct nft_element_list *elements, struct cni_error *err)
{
	int ret = spoof_elements_make(sets, pod, true, elements, err);

	return ret < 0 ? ret : spoof_elements_former(sets, pod, elements, err);
}

/* Where another IPAM plugin needed the port for its DEL, the elements go now. */
static int spoofcheck_del(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct pod_facts pod;
	struct spoof_sets sets;
	struct netlink *nl = NULL;
	int ret;

	if (!ipam_delegated(att->network) || !pod_facts_held(att, &pod) ||
	    !pod.mac_spoof_check)
		return 0;
	spoof_sets_name(att->owner, &sets);
	ret = held_make(&sets, &pod, &elements, err);
	if (ret == 0)
		ret = port_close(att, err);
	if (ret == 0)
		ret = node_nftables(&att->op->node, &nl, err);
	return ret < 0 ? ret : nft_elements_del(nl, elements.items, elements.n, err);
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
				      network->spoof_check || kept.addresses, true, err);
}

/* Puts back elements that somebody flushed while the rules stayed. */
static int spoofcheck_repair(struct attachment *att, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct spoof_sets sets;
	int ret;

	if (!att->record->spoof_check)
		return 0;
	ret = wanted_make(att, &sets, &elements, err);
	if (ret == 0)
		ret = set_elements_restore(att, &elements, err);
	if (ret > 0)
		report_done(att, "spoofcheck: its elements in table bridge " RULES_TABLE);
	return ret < 0 ? ret : 0;
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
	ret = spoof_rules_wanted(att->network, att->pod->spoof_check, &wanted, err);
	if (ret == 0)
		ret = rules_check(att, stage_spoofcheck.name, &wanted, err);
	if (ret == 0)
		ret = wanted_make(att, &sets, &elements, err);
	if (ret == 0)
		ret = set_elements_compare(att, &elements, &missing, err);
	if (ret < 0 || !missing)
		return ret;
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "%s: expected an element for %s in set %s of table "
			 "bridge " RULES_TABLE ", found none: what the pod sends is "
			 "dropped, or not looked at; `bridge-cni repair` adds it, where "
			 "the pod's ADD was with this key",
			 att->pod->spoof_check ? "spoofCheck" : "macspoofchk",
			 att->pod->host_ifname, missing->set->name);
}

/* An earlier version's pod may have all elements, whatever the configuration says now. */
static int spoofcheck_elements(struct attachment *att, enum stage_elements_of which,
			       struct stage_elements *elements, struct cni_error *err)
{
	struct spoof_sets *sets;
	struct pod_facts pod;
	int ret;

	if (which == ELEMENTS_WANTED)
		pod_facts_of_attachment(att, &pod);
	else if (which != ELEMENTS_HELD || ipam_delegated(att->network) ||
		 !pod_facts_held(att, &pod))
		return 0;
	if (!pod.mac_spoof_check)
		return 0;
	sets = stage_elements_keep(elements, sizeof(*sets), NULL);
	if (!sets)
		return error_oom(err);
	spoof_sets_name(att->owner, sets);
	if (which == ELEMENTS_HELD)
		return held_make(sets, &pod, &elements->list, err);
	/* Nobody held the lock while that plugin ran. */
	ret = ipam_delegated(att->network) ? rules_add(att, err) : 0;
	return ret < 0 ? ret
		       : spoof_elements_make(sets, &pod, true, &elements->list, err);
}

static int spoofcheck_show_shared(struct attachment *net, struct stage_facts *facts,
				  struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	struct kept kept = {.configured = net->network->spoof_check};
	int ret = ipam_record_each(&net->ipam_env, kept_note, &kept, err);

	if (ret < 0 || !kept.macs)
		return ret;
	ret = spoof_rules_wanted(net->network, kept.addresses, &wanted, err);
	return ret < 0 ? ret
		       : stage_facts_rules(facts, net, stage_spoofcheck.name, &wanted,
					   err);
}

const struct stage stage_spoofcheck = {
	.name = "spoofcheck",
	.switches = SWITCH_BIT(SWITCH_BRIDGE),
	.add = spoofcheck_add,
	.check = spoofcheck_check,
	.del = spoofcheck_del,
	.repair_shared = spoofcheck_repair_shared,
	.repair = spoofcheck_repair,
	.show_shared = spoofcheck_show_shared,
	.elements = spoofcheck_elements,
	.set_types = spoof_set_types,
	.set_types_n = SPOOF_SETS_EVER,
};
