/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the rules; masquerade.c compares and keeps them. */
#include "masquerade_local.h"

#include <stdio.h>
#include <sys/socket.h>

#include "chains.h"
#include "masquerade_sets.h"

#define KIND  "local"
#define MATCH "meta iifkind != \"none\" ct status dnat "

/* Adds a rule that has the text, which it takes. */
static int rule_end(const struct attachment *att, struct rule_list *list,
		    const char *prefix, int family, struct text *text,
		    struct cni_error *err)
{
	struct rule *rule = &list->items[list->n++];

	text_add(text, " masquerade%s",
		 att->network->masq_fully_random ? " fully-random" : "");
	rule->chain = &chain_postrouting;
	snprintf(rule->kind, sizeof(rule->kind), "%s" KIND "%c", prefix,
		 family == AF_INET ? '4' : '6');
	rule->text = text->text;
	return text->failed ? error_oom(err) : 0;
}

int masquerade_local_add(const struct attachment *att, struct rule_list *list,
			 const char *prefix, const struct prefix_list *subnets,
			 struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < subnets->n; i++) {
		const struct ip_prefix *subnet = &subnets->items[i];
		const char *ip = subnet->addr.family == AF_INET ? "ip" : "ip6";
		struct text text = {};

		text_add(&text, MATCH "%s saddr %s %s daddr %s", ip, PREFIX_TEXT(subnet),
			 ip, PREFIX_TEXT(subnet));
		ret = rule_end(att, list, prefix, subnet->addr.family, &text, err);
	}
	return ret;
}

int masquerade_local_pods_add(const struct attachment *att, struct rule_list *list,
			      const char *prefix, int family, bool tolerated,
			      struct cni_error *err)
{
	struct rule *rule = &list->items[list->n];
	struct text text = {};

	text_add(&text, MATCH);
	masquerade_sets_match_own(att->network->owner, family, &text);
	rule->tolerated = tolerated;
	return rule_end(att, list, prefix, family, &text, err);
}
