/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the rules, as rules of the stage `vlan`. */
#include "vlan_untracked.h"

#include <stdio.h>
#include <stdlib.h>

#include "plugin/nft/rules.h"
#include "plugin/nft/set_type.h"
#include "bridge_nf.h"
#include "stages.h"

/* In front of br_netfilter, whose hook has priority 0. */
static const struct rules_chain untracked = {
	.name = "untracked",
	.hook = "type filter hook prerouting priority filter",
};

#define RULES_MAX 2

static void rule_add(struct rule_list *list, const char *kind, const struct text *text)
{
	struct rule *rule = &list->items[list->n++];

	rule->chain = &untracked;
	snprintf(rule->kind, sizeof(rule->kind), "%s", kind);
	rule->text = text->text;
}

/* The gateway's frames are known by their port, where no pod can send, and frames for it
 * by their MAC address: whoever sends such a frame sends it to the gateway. A gateway that
 * is a VLAN device of the bridge needs no rules: what is for it doesn't cross the
 * bridge. */
static int rules_wanted(const struct attachment *att, struct rule_list *ret_list,
			struct cni_error *err)
{
	struct rule_list list = {
		.family = "bridge",
		.items = calloc(RULES_MAX, sizeof(struct rule)),
	};
	struct text to = {}, from = {};

	if (!list.items)
		return error_oom(err);
	if (*att->gateway_port && set_ifname_is_plain(att->gateway_port)) {
		text_add(&to, "ether daddr %s notrack", MAC_TEXT(&att->gateway_mac));
		text_add(&from, "iifname \"%s\" notrack", att->gateway_port);
		rule_add(&list, "to", &to);
		rule_add(&list, "from", &from);
	}
	if (to.failed || from.failed) {
		rule_list_clear(&list);
		return error_oom(err);
	}
	*ret_list = list;
	return 0;
}

int vlan_untracked_ensure(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	struct cni_error own = {};
	bool on = true;
	int ret = rules_wanted(att, &wanted, err);

	if (ret < 0)
		return ret;
	ret = rules_ensure(att, stage_vlan.name, &wanted, &own);
	if (ret == 0)
		return 0;
	if ((own.code == CNI_ERR_RULES || own.code == CNI_ERR_KERNEL) &&
	    bridge_nf_is_on(att, &on, NULL) == 0 && !on)
		return error_clear(&own);
	error_copy(err, &own);
	return ret;
}

int vlan_untracked_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	bool on = false;
	int ret = bridge_nf_is_on(att, &on, err);

	if (ret < 0 || !on)
		return ret;
	ret = rules_wanted(att, &wanted, err);
	return ret < 0 ? ret : rules_check(att, stage_vlan.name, &wanted, err);
}

int vlan_untracked_show(struct attachment *net, struct stage_facts *facts,
			struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = rules_wanted(net, &wanted, err);

	return ret < 0 || wanted.n == 0
		       ? ret
		       : stage_facts_rules(facts, net, stage_vlan.name, &wanted, err);
}
