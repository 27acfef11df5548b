/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipMasq: what leaves the network's subnets for anywhere but its own subnets takes the
 * node's address. Rules of a network and family, over its subnets, none of a pod: nothing
 * to add or delete as pods come and go. A delegated IPAM's subnets are known only with
 * each address: then the same rules look into sets (masquerade_pods.h).
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../ipam/delegate.h"
#include "masquerade_pods.h"
#include "rules.h"
#include "stages.h"

static const struct rules_chain postrouting = {
	.name = "postrouting",
	.hook = "type nat hook postrouting priority srcnat",
};

static const struct rules_chain forward = {
	.name = "forward",
	.hook = "type filter hook forward priority filter",
};

struct family {
	int family;
	const char *match; /* nft's keyword for its addresses */
	const char *nat_kind, *invalid_kind;
	struct ip_prefix multicast;
};

static const struct family families[] = {
	{AF_INET, "ip", "nat4", "invalid4", {{AF_INET, {224}}, 4}},
	{AF_INET6, "ip6", "nat6", "invalid6", {{AF_INET6, {0xff}}, 8}},
};

/* Adds @prefix; an nft set wants each address named once, and prefixes are nested or
 * apart: the wider one stays. */
static void prefix_add(struct prefix_list *list, const struct ip_prefix *prefix)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].len <= prefix->len &&
		    prefix_contains(&list->items[i], &prefix->addr))
			return;
	for (size_t i = 0; i < list->n; i++)
		if (!prefix_contains(prefix, &list->items[i].addr))
			list->items[kept++] = list->items[i];
	list->items[kept++] = *prefix;
	list->n = kept;
}

static void subnets_add(const struct range_set_list *sets, int family,
			struct prefix_list *list)
{
	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++)
			if (sets->items[i].ranges[k].subnet.addr.family == family)
				prefix_add(list, &sets->items[i].ranges[k].subnet);
}

static size_t subnets_max(const struct range_set_list *sets)
{
	size_t max = 0;

	for (size_t i = 0; i < sets->n; i++)
		max += sets->items[i].n;
	return max;
}

static void prefixes_text(const struct prefix_list *list, struct rule_text *text)
{
	rule_text_add(text, "{ ");
	for (size_t i = 0; i < list->n; i++)
		rule_text_add(text, "%s%s", i ? ", " : "", PREFIX_TEXT(&list->items[i]));
	rule_text_add(text, " }");
}

/* "ip saddr { sources } ip daddr != { destinations }"; sources by a set of pods where
 * there are none. */
static void match_add(const struct net_conf *conf, const struct family *family,
		      const struct prefix_list *sources,
		      const struct prefix_list *destinations, struct rule_text *text)
{
	if (sources->n > 0) {
		rule_text_add(text, "%s saddr ", family->match);
		prefixes_text(sources, text);
	} else {
		masquerade_pods_match(conf, family->family, text);
	}
	rule_text_add(text, " %s daddr != ", family->match);
	prefixes_text(destinations, text);
}

static void rule_add(struct rule_list *list, const struct rules_chain *chain,
		     const char *kind, struct rule_text *text)
{
	struct rule *rule = &list->items[list->n++];

	rule->chain = chain;
	snprintf(rule->kind, sizeof(rule->kind), "%s", kind);
	rule->text = text->text;
}

static int texts_add(const struct net_conf *conf, const struct family *family,
		     const struct prefix_list *sources,
		     const struct prefix_list *destinations, struct rule_list *list,
		     struct cni_error *err)
{
	struct rule_text nat = {}, invalid = {};

	match_add(conf, family, sources, destinations, &nat);
	rule_text_add(&nat, " masquerade%s",
		      conf->masq_fully_random ? " fully-random" : "");
	/* What conntrack can't place is not translated, either: it would leave with the
	 * pod's own address (plugins#817). */
	rule_text_add(&invalid, "ct state invalid ");
	match_add(conf, family, sources, destinations, &invalid);
	rule_text_add(&invalid, " drop");
	if (nat.failed || invalid.failed) {
		free(nat.text);
		free(invalid.text);
		return error_oom(err);
	}
	rule_add(list, &postrouting, family->nat_kind, &nat);
	rule_add(list, &forward, family->invalid_kind, &invalid);
	return 0;
}

/*
 * Sources: the network's subnets. Destinations that see the pod's own address: those,
 * multicast, and what the configuration names.
 */
static int family_rules_add(const struct net_conf *conf, const struct family *family,
			    struct rule_list *list, struct cni_error *err)
{
	size_t max = subnets_max(&conf->ipam.sets);
	struct prefix_list sources = {
		.items = calloc(max + 1, sizeof(struct ip_prefix)),
	};
	struct prefix_list destinations = {
		.items = calloc(max + 1 + conf->non_masquerade.n,
				sizeof(struct ip_prefix)),
	};
	int ret = sources.items && destinations.items ? 0 : error_oom(err);

	if (ret == 0) {
		subnets_add(&conf->ipam.sets, family->family, &sources);
		prefix_add(&destinations, &family->multicast);
		subnets_add(&conf->ipam.sets, family->family, &destinations);
		for (size_t i = 0; i < conf->non_masquerade.n; i++)
			if (conf->non_masquerade.items[i].addr.family == family->family)
				prefix_add(&destinations, &conf->non_masquerade.items[i]);
	}
	if (ret == 0 && (sources.n > 0 || ipam_delegated(conf)))
		ret = texts_add(conf, family, &sources, &destinations, list, err);
	free(sources.items);
	free(destinations.items);
	return ret;
}

static bool is_by_pod(const struct net_conf *conf)
{
	return conf->ip_masq && ipam_delegated(conf);
}

static int sets_wanted(const struct net_conf *conf, struct rule_list *list,
		       struct cni_error *err)
{
	struct rule_text text = {};

	masquerade_pods_sets(conf, &text);
	list->sets = text.text;
	list->fill = masquerade_pods_fill;
	return text.failed ? error_oom(err) : 0;
}

/* Two rules for each family that the network has subnets of. */
static int rules_wanted(const struct net_conf *conf, struct rule_list *ret_list,
			struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list list = {
		.items = calloc(2 * ARRAY_SIZE(families), sizeof(*list.items)),
	};
	int ret = list.items ? 0 : error_oom(err);

	for (size_t i = 0; ret == 0 && conf->ip_masq && i < ARRAY_SIZE(families); i++)
		ret = family_rules_add(conf, &families[i], &list, err);
	if (ret == 0 && is_by_pod(conf))
		ret = sets_wanted(conf, &list, err);
	if (ret < 0)
		return ret;
	*ret_list = list;
	list = (struct rule_list){};
	return 0;
}

/* Without ipMasq, too: the rules of a time when it was set must go. */
static int masquerade_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = rules_wanted(&att->conf, &wanted, err);

	if (ret == 0)
		ret = rules_ensure(att, stage_masquerade.name, &wanted, err);
	if (ret == 0 && is_by_pod(&att->conf))
		ret = masquerade_pods_add(att, err);
	return ret;
}

static int masquerade_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = rules_wanted(&att->conf, &wanted, err);

	if (ret == 0)
		ret = rules_check(att, stage_masquerade.name, &wanted, err);
	if (ret == 0 && is_by_pod(&att->conf))
		ret = masquerade_pods_check(att, err);
	return ret;
}

const struct stage stage_masquerade = {
	.name = "masquerade",
	.add = masquerade_add,
	.check = masquerade_check,
};
