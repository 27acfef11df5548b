/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of rules: declares their sets, has their sentinels looked for, makes the
 * fingerprints of rules, frees the lists. */
#include "rule_list.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>

#include "set_type.h"

static void rule_clear(struct rule *rule)
{
	free(rule->text);
	free(rule->alternative);
	free(rule->text_to_write);
}

void rule_list_clear(struct rule_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		rule_clear(&list->items[i]);
	free(list->items);
	free(list->set_commands.text);
	free(list->sentinels);
	free(list->kept_prints);
	*list = (struct rule_list){};
}

const char *rule_list_family(const struct rule_list *list)
{
	return list->family ? list->family : "inet";
}

int rule_list_protocol(const struct rule_list *list)
{
	return list->family ? NFPROTO_BRIDGE : NFPROTO_INET;
}

void rule_list_declare(struct rule_list *list, const struct nft_set *sets, size_t n,
		       const struct network *network)
{
	for (size_t i = 0; i < n; i++)
		set_declare(&sets[i], network->name, &list->set_commands);
}

int rule_list_watch(struct rule_list *list, const struct nft_set *sets, size_t n,
		    struct cni_error *err)
{
	list->sentinels = calloc(n, sizeof(*list->sentinels));
	if (!list->sentinels)
		return error_oom(err);
	for (size_t i = 0; i < n; i++) {
		struct nft_element sentinel;

		set_sentinel(&sets[i], &sentinel);
		list->sentinels[i] = (struct nft_probe){sets[i], sentinel.key};
	}
	list->sentinels_n = n;
	return 0;
}

void rule_list_settle(struct rule_list *list,
		      bool (*needed)(const struct rule *rule, const void *data),
		      const void *data)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct rule rule = list->items[i];

		if (rule.tolerated && !needed(&rule, data)) {
			rule_clear(&rule);
			continue;
		}
		rule.tolerated = false;
		list->items[n++] = rule;
	}
	list->n = n;
}

void rule_chain_name(const struct rule *rule, uint64_t owner,
		     char ret_name[RULES_CHAIN_MAX])
{
	const struct rules_chain *chain = rule_chain(rule);

	if (chain->of_owner)
		rules_owner_name(chain->name, owner, ret_name, RULES_CHAIN_MAX);
	else
		snprintf(ret_name, RULES_CHAIN_MAX, "%s", chain->name);
}

uint64_t rule_written_hash(const struct rule *rule)
{
	return rule->exact ? rule_fingerprint(rule, rule_written_text(rule)) : 0;
}

uint64_t rule_fingerprint(const struct rule *rule, const char *text)
{
	return hash_text(text) ^ hash_text(rule->chain->name) ^ rule->seal;
}
