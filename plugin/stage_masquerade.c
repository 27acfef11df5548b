/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipMasq: what leaves the network's ranges for anywhere but its own subnets takes the
 * node's address. One rule a network and family, over its ranges, not one a pod: nothing
 * to add or delete as pods come and go.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "rules.h"
#include "stages.h"

static const struct rules_chain postrouting = {
	.name = "postrouting",
	.hook = "type nat hook postrouting priority srcnat",
};

struct family {
	int family;
	const char *match; /* nft's keyword for its addresses */
	const char *kind;
	const char *multicast;
};

static const struct family families[] = {
	{AF_INET, "ip", "masquerade4", "224.0.0.0/4"},
	{AF_INET6, "ip6", "masquerade6", "ff00::/8"},
};

/* Prefixes are nested or apart: an nft set wants each address named once. */
static bool is_named_before(const struct net_conf *conf, size_t set, size_t range)
{
	const struct ip_prefix *subnet = &conf->ipam.sets.items[set].ranges[range].subnet;

	for (size_t i = 0; i < conf->ipam.sets.n; i++) {
		for (size_t k = 0; k < conf->ipam.sets.items[i].n; k++) {
			const struct ip_prefix *other =
				&conf->ipam.sets.items[i].ranges[k].subnet;
			bool earlier = i < set || (i == set && k < range);

			if ((i == set && k == range) ||
			    !prefix_contains(other, &subnet->addr) ||
			    other->len > subnet->len)
				continue;
			if (other->len < subnet->len || earlier)
				return true;
		}
	}
	return false;
}

/* The set of the family's ranges; false when there are none. */
static bool sources_add(const struct net_conf *conf, int family, struct rule_text *text)
{
	const char *separator = "";

	for (size_t i = 0; i < conf->ipam.sets.n; i++) {
		const struct range_set *set = &conf->ipam.sets.items[i];

		for (size_t k = 0; k < set->n; k++) {
			const struct ip_range *range = &set->ranges[k];

			if (range->subnet.addr.family != family)
				continue;
			rule_text_add(text, "%s%s", separator, IP_TEXT(&range->start));
			if (!ip_equal(&range->start, &range->end))
				rule_text_add(text, "-%s", IP_TEXT(&range->end));
			separator = ", ";
		}
	}
	return separator[0];
}

static void destinations_add(const struct net_conf *conf, const struct family *family,
			     struct rule_text *text)
{
	rule_text_add(text, "%s", family->multicast);
	for (size_t i = 0; i < conf->ipam.sets.n; i++) {
		const struct range_set *set = &conf->ipam.sets.items[i];

		for (size_t k = 0; k < set->n; k++) {
			const struct ip_prefix *subnet = &set->ranges[k].subnet;

			if (subnet->addr.family == family->family &&
			    !is_named_before(conf, i, k))
				rule_text_add(text, ", %s", PREFIX_TEXT(subnet));
		}
	}
}

/* One rule for each family that the network has ranges of. */
static int rules_wanted(const struct net_conf *conf, struct rule_list *ret_list,
			struct cni_error *err)
{
	struct rule_list list = {
		.items = calloc(ARRAY_SIZE(families), sizeof(*list.items)),
	};

	if (!list.items)
		return error_oom(err);
	for (size_t i = 0; conf->ip_masq && i < ARRAY_SIZE(families); i++) {
		const struct family *family = &families[i];
		struct rule *rule = &list.items[list.n];
		struct rule_text text = {};
		bool any;

		rule_text_add(&text, "%s saddr { ", family->match);
		any = sources_add(conf, family->family, &text);
		rule_text_add(&text, " } %s daddr != { ", family->match);
		destinations_add(conf, family, &text);
		rule_text_add(&text, " } masquerade");
		if (!any || text.failed)
			free(TAKE_PTR(text.text));
		if (text.failed) {
			rule_list_clear(&list);
			return error_oom(err);
		}
		if (!any)
			continue;
		snprintf(rule->kind, sizeof(rule->kind), "%s", family->kind);
		rule->text = text.text;
		list.n++;
	}
	*ret_list = list;
	return 0;
}

/* Without ipMasq, too: the rules of a time when it was set must go. */
static int masquerade_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = rules_wanted(&att->conf, &wanted, err);

	return ret < 0 ? ret : rules_ensure(att, &postrouting, &wanted, err);
}

static int masquerade_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = rules_wanted(&att->conf, &wanted, err);

	return ret < 0 ? ret : rules_check(att, &postrouting, &wanted, err);
}

const struct stage stage_masquerade = {
	.name = "masquerade",
	.add = masquerade_add,
	.check = masquerade_check,
};
