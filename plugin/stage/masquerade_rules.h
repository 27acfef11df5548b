/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of ipMasq, as text. Those over a network's subnets, of which no pod has one
 * of its own, are
 *
 *	ip saddr { subnets } [ip saddr != @pods] ip daddr != { kept } masquerade
 *
 * Those over the sets of pods that are masqueraded, or not, by their records alone
 * (masquerade_sets.h) are
 *
 *	ip saddr @pods ip saddr . ip daddr != @own ip daddr != { kept } masquerade
 *
 * These, and the part in brackets, are there only while there are such pods.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_RULES_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_RULES_H

#include "masquerade_sets.h"
#include "plugin/nft/rules.h"

/* The forms that the rules may have. */
enum masquerade_form {
	/* those over subnets: every pod is as the configuration says */
	MASQUERADE_BY_SUBNET,
	MASQUERADE_BY_SUBNET_OR_POD, /* those, or those that serve some pods otherwise */
	MASQUERADE_FOR_PODS, /* as these pods need them */
};

/* Makes the list of the rules. @pods: with MASQUERADE_FOR_PODS, the pods that the sets
 * are to have. Codes 5, 11, 100. */
int masquerade_rules_wanted(struct attachment *att, enum masquerade_form form,
			    const struct masquerade_pods *pods,
			    struct rule_list *ret_list, struct cni_error *err);

/* Was a rule over sets of pods found? */
bool masquerade_has_pods(const struct rule_list *list);

#endif
