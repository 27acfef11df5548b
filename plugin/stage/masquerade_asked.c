/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes a configuration from the ranges that a record says an ADD was told of. */
#include "masquerade_asked.h"

#include <string.h>
#include <sys/socket.h>

#include "masquerade_rules.h"

void masquerade_asked_clear(struct masquerade_asked *asked)
{
	free(asked->ranges);
	free(asked->sets);
}

int masquerade_asked_make(const struct attachment *att, const struct record *record,
			  struct masquerade_asked *ret_asked, struct cni_error *err)
{
	const struct range_set_list *configured = &att->conf.ipam.sets;
	size_t fixed = configured->n - att->conf.ipam.runtime_sets;
	struct masquerade_asked asked = {
		.att = *att,
		.ranges = calloc(record->ranges_n + 1, sizeof(*asked.ranges)),
		.sets = calloc(fixed + 1, sizeof(*asked.sets)),
	};

	if (!asked.ranges || !asked.sets) {
		masquerade_asked_clear(&asked);
		return error_oom(err);
	}
	for (size_t i = 0; i < record->ranges_n; i++)
		asked.ranges[i].subnet = record->ranges[i];
	asked.sets[0] = (struct range_set){asked.ranges, record->ranges_n};
	memcpy(asked.sets + 1, configured->items + att->conf.ipam.runtime_sets,
	       fixed * sizeof(*asked.sets));
	asked.att.conf.ipam.sets = (struct range_set_list){asked.sets, fixed + 1};
	asked.att.conf.ipam.runtime_sets = 1;
	*ret_asked = asked;
	return 0;
}

static bool is_found(const struct rule *rule, const struct rule_list *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (strcmp(found->items[i].kind, rule->kind) == 0 &&
		    strcmp(found->items[i].text, rule->text) == 0)
			return true;
	for (size_t i = 0; i < found->lasting_n; i++)
		if (found->lasting_prints[i] == rules_fingerprint(rule, rule->text) ||
		    found->lasting_prints[i] == rules_fingerprint(rule, rule->other))
			return true;
	return false;
}

int masquerade_asked_is_there(struct attachment *att, const struct record *record,
			      int family, const struct rule_list *found, bool *ret_there,
			      struct cni_error *err)
{
	_cleanup_(masquerade_asked_clear) struct masquerade_asked asked = {};
	_cleanup_(rule_list_clear) struct rule_list list = {};
	char digit = family == AF_INET ? '4' : '6';
	int ret = masquerade_asked_make(att, record, &asked, err);

	*ret_there = false;
	if (ret == 0)
		ret = masquerade_rules_wanted(&asked.att, MASQUERADE_EITHER, NULL, &list,
					      err);
	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		const struct rule *rule = &list.items[i];

		if (list.lasting[0] &&
		    strncmp(rule->kind, list.lasting, strlen(list.lasting)) == 0 &&
		    rule->kind[strlen(rule->kind) - 1] == digit)
			*ret_there |= is_found(rule, found);
	}
	return ret;
}
