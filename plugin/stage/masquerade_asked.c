/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks for rules over the ranges that a record says an ADD was told of. */
#include "masquerade_asked.h"

#include <string.h>
#include <sys/socket.h>

#include "ipam/pod_from_record.h"
#include "masquerade_rules.h"

static bool is_found(const struct rule *rule, const struct rule_list *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (strcmp(found->items[i].kind, rule->kind) == 0 &&
		    strcmp(found->items[i].text, rule->text) == 0)
			return true;
	for (size_t i = 0; i < found->kept_n; i++)
		if (found->kept_prints[i] == rule_fingerprint(rule, rule->text) ||
		    (rule->alternative &&
		     found->kept_prints[i] == rule_fingerprint(rule, rule->alternative)))
			return true;
	return false;
}

int masquerade_asked_is_there(struct attachment *att, const struct record *record,
			      int family, const struct rule_list *found, bool *ret_there,
			      struct cni_error *err)
{
	_cleanup_(pod_from_record_clear) struct pod pod = {};
	_cleanup_(rule_list_clear) struct rule_list list = {};
	char digit = family == AF_INET ? '4' : '6';
	struct attachment other;
	int ret = pod_from_record(att->network, record, &pod, err);

	*ret_there = false;
	attachment_init(&other, att->op, att->network, &pod);
	if (ret == 0)
		ret = masquerade_rules_wanted(&other, MASQUERADE_BY_SUBNET_OR_POD, NULL,
					      &list, err);
	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		const struct rule *rule = &list.items[i];

		if (list.kept_kinds[0] &&
		    strncmp(rule->kind, list.kept_kinds, strlen(list.kept_kinds)) == 0 &&
		    rule->kind[strlen(rule->kind) - 1] == digit)
			*ret_there |= is_found(rule, found);
	}
	return ret;
}
