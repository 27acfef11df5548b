/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipMasq: what leaves the network's subnets for anywhere but its own subnets takes the
 * node's address. Rules of a network and family, over its subnets, none of a pod: nothing
 * to add or delete as pods come and go. The subnets of runtimeConfig.ipRanges, which each
 * ADD may have others of, get rules of their own, which stay. Whatever else is reserved (by
 * pods from before the ranges were changed) is added when rules are written; what the rules
 * are compared by doesn't cover it. A delegated IPAM's subnets are known only with each
 * address: then the same rules look into sets (masquerade_pods.h).
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../ipam/delegate.h"
#include "../ipam/ipam.h"
#include "../ipam/record.h"
#include "masquerade_pods.h"
#include "report.h"
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
	const char *digit; /* that kinds end in */
	struct ip_prefix multicast;
};

static const struct family families[] = {
	{AF_INET, "ip", "4", {{AF_INET, {224}}, 4}},
	{AF_INET6, "ip6", "6", {{AF_INET6, {0xff}}, 8}},
};

/* Of sets @from up to, not including, @to. */
struct part {
	size_t from, to;
	const char *kind_prefix;
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

static void subnets_add(const struct range_set_list *sets, size_t from, size_t to,
			int family, struct prefix_list *list)
{
	for (size_t i = from; i < to; i++)
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

/* Prefixes, and addresses outside of them. */
struct addresses {
	struct prefix_list prefixes;
	struct ip_span_list spans;
};

static void addresses_clear(struct addresses *addresses)
{
	free(addresses->prefixes.items);
	free(addresses->spans.items);
}

static void addresses_format(const struct addresses *addresses, int family,
			     struct text *text)
{
	const char *separator = "";

	for (size_t i = 0; i < addresses->prefixes.n; i++) {
		text_add(text, "%s%s", separator,
			 PREFIX_TEXT(&addresses->prefixes.items[i]));
		separator = ", ";
	}
	for (size_t i = 0; i < addresses->spans.n; i++) {
		const struct ip_span *span = &addresses->spans.items[i];

		if (span->from.family != family)
			continue;
		text_add(text, "%s%s", separator, IP_TEXT(&span->from));
		if (!ip_equal(&span->from, &span->to))
			text_add(text, "-%s", IP_TEXT(&span->to));
		separator = ", ";
	}
}

/* "ip saddr { sources } ip daddr != { destinations }"; sources by a set of pods where
 * there are none. */
static void match_add(const struct net_conf *conf, const struct family *family,
		      const struct addresses *sources,
		      const struct addresses *destinations, struct text *text)
{
	if (sources->prefixes.n > 0) {
		text_add(text, "%s saddr { ", family->match);
		addresses_format(sources, family->family, text);
		text_add(text, " }");
	} else {
		masquerade_pods_match(conf, family->family, text);
	}
	text_add(text, " %s daddr != { ", family->match);
	addresses_format(destinations, family->family, text);
	text_add(text, " }");
}

static void rule_add(struct rule_list *list, const struct rules_chain *chain,
		     const struct part *part, const char *kind,
		     const struct family *family, struct text *text)
{
	struct rule *rule = &list->items[list->n++];

	rule->chain = chain;
	snprintf(rule->kind, sizeof(rule->kind), "%s%s%s", part->kind_prefix, kind,
		 family->digit);
	rule->text = text->text;
}

static int texts_add(const struct net_conf *conf, const struct part *part,
		     const struct family *family, const struct addresses *sources,
		     const struct addresses *destinations, struct rule_list *list,
		     struct cni_error *err)
{
	struct text nat = {}, invalid = {};

	match_add(conf, family, sources, destinations, &nat);
	text_add(&nat, " masquerade%s", conf->masq_fully_random ? " fully-random" : "");
	/* What conntrack can't place is not translated, either: it would leave with the
	 * pod's own address (plugins#817). */
	text_add(&invalid, "ct state invalid ");
	match_add(conf, family, sources, destinations, &invalid);
	text_add(&invalid, " drop");
	if (nat.failed || invalid.failed) {
		free(nat.text);
		free(invalid.text);
		return error_oom(err);
	}
	rule_add(list, &postrouting, part, "nat", family, &nat);
	rule_add(list, &forward, part, "invalid", family, &invalid);
	return 0;
}

/*
 * Sources: the subnets of the part. Destinations that see the pod's own address: the same,
 * of the whole network, multicast, and what the configuration names.
 */
static int prefixes_fill(const struct net_conf *conf, const struct part *part,
			 const struct family *family, struct addresses *sources,
			 struct addresses *destinations, struct cni_error *err)
{
	const struct range_set_list *sets = &conf->ipam.sets;
	size_t max = subnets_max(sets), fixed = conf->ipam.runtime_sets;
	struct prefix_list *to = &destinations->prefixes;

	sources->prefixes.items = calloc(max + 1, sizeof(struct ip_prefix));
	to->items = calloc(max + 1 + conf->non_masquerade.n, sizeof(struct ip_prefix));
	if (!sources->prefixes.items || !to->items)
		return error_oom(err);
	subnets_add(sets, part->from, part->to, family->family, &sources->prefixes);
	prefix_add(to, &family->multicast);
	subnets_add(sets, part->from, part->to, family->family, to);
	subnets_add(sets, fixed, sets->n, family->family, to);
	for (size_t i = 0; i < conf->non_masquerade.n; i++)
		if (conf->non_masquerade.items[i].addr.family == family->family)
			prefix_add(to, &conf->non_masquerade.items[i]);
	return 0;
}

static bool is_by_pod(const struct net_conf *conf)
{
	return conf->ip_masq && ipam_delegated(conf);
}

/* Two rules where the part has subnets of the family. @others: with all else reserved. */
static int rules_of(struct attachment *att, const struct part *part,
		    const struct family *family, bool others, struct rule_list *list,
		    struct cni_error *err)
{
	_cleanup_(addresses_clear) struct addresses sources = {}, destinations = {};
	bool by_pod = ipam_delegated(&att->conf) && !part->kind_prefix[0];
	int ret = prefixes_fill(&att->conf, part, family, &sources, &destinations, err);

	if (ret < 0 || (sources.prefixes.n == 0 && !by_pod))
		return ret;
	if (others) {
		ret = ipam_outside(att, &sources.prefixes, &sources.spans, err);
		if (ret == 0)
			ret = ipam_outside(att, &destinations.prefixes,
					   &destinations.spans, err);
	}
	return ret < 0 ? ret
		       : texts_add(&att->conf, part, family, &sources, &destinations,
				   list, err);
}

static int rules_build(struct attachment *att, bool others, struct rule_list *ret_list,
		       struct cni_error *err)
{
	const struct ipam_conf *ipam = &att->conf.ipam;
	const struct part parts[] = {
		{ipam->runtime_sets, ipam->sets.n, ""},
		{0, ipam->runtime_sets, RULE_KIND_LASTING},
	};
	_cleanup_(rule_list_clear) struct rule_list list = {
		.items = calloc(2 * ARRAY_SIZE(parts) * ARRAY_SIZE(families),
				sizeof(*list.items)),
	};
	int ret = list.items ? 0 : error_oom(err);

	for (size_t i = 0; ret == 0 && att->conf.ip_masq && i < ARRAY_SIZE(families);
	     i++) {
		size_t before = list.n;

		for (size_t k = 0; ret == 0 && k < ARRAY_SIZE(parts); k++)
			ret = rules_of(att, &parts[k], &families[i],
				       others && list.n == before, &list, err);
	}
	if (ret == 0 && is_by_pod(&att->conf))
		ret = masquerade_pods_sets(&att->conf, &list, err);
	if (ret < 0)
		return ret;
	*ret_list = list;
	list = (struct rule_list){};
	return 0;
}

/* The same rules in the same order, with more addresses. */
static int complete(struct attachment *att, struct rule_list *wanted,
		    struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list whole = {};
	int ret = rules_build(att, true, &whole, err);

	for (size_t i = 0; ret == 0 && i < wanted->n; i++) {
		free(wanted->items[i].written);
		wanted->items[i].written = TAKE_PTR(whole.items[i].text);
	}
	return ret;
}

/* Without ipMasq, too: the rules of a time when it was set must go. */
static int masquerade_rules(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = rules_build(att, false, &wanted, err);

	wanted.complete = ipam_delegated(&att->conf) ? NULL : complete;
	if (ret == 0)
		ret = rules_ensure(att, stage_masquerade.name, &wanted, err);
	return ret;
}

static int masquerade_add(struct attachment *att, struct cni_error *err)
{
	int ret = masquerade_rules(att, err);

	return ret < 0 || !is_by_pod(&att->conf) ? ret : masquerade_pods_add(att, err);
}

/* A network whose ranges are all asked for by its pods has rules of theirs alone. */
static int masquerade_repair_shared(struct attachment *net, struct cni_error *err)
{
	if (ipam_in_process(&net->conf) && net->conf.ipam.sets.n == 0)
		return 0;
	return masquerade_rules(net, err);
}

/* The rules over the subnets that only this attachment's ADD was told of. */
static int asked_repair(const struct attachment *att, struct cni_error *err)
{
	const struct record *record = att->record;
	const struct range_set_list *configured = &att->conf.ipam.sets;
	_cleanup_(free_p) struct ip_range *ranges = calloc(record->ranges_n,
							   sizeof(*ranges));
	_cleanup_(free_p) struct range_set *sets = calloc(configured->n + 1,
							  sizeof(*sets));
	struct attachment asked = *att;

	if (!ranges || !sets)
		return error_oom(err);
	for (size_t i = 0; i < record->ranges_n; i++)
		ranges[i].subnet = record->ranges[i];
	sets[0] = (struct range_set){ranges, record->ranges_n};
	for (size_t i = 0; i < configured->n; i++)
		sets[i + 1] = configured->items[i];
	asked.conf.ipam.sets = (struct range_set_list){sets, configured->n + 1};
	asked.conf.ipam.runtime_sets = 1;
	return masquerade_rules(&asked, err);
}

/* Elements that somebody deleted while the rules stayed. */
static int elements_repair(struct attachment *att, struct cni_error *err)
{
	int ret = masquerade_pods_check(att, err);

	if (ret == 0 || err->code != CNI_ERR_CHECK)
		return ret;
	error_clear(err);
	ret = masquerade_pods_add(att, err);
	if (ret == 0)
		report_done(att, "masquerade: its elements in table inet " RULES_TABLE);
	return ret;
}

static int masquerade_repair(struct attachment *att, struct cni_error *err)
{
	const struct record *record = att->record;

	if (att->conf.ip_masq && record->ranges_n && ipam_in_process(&att->conf))
		return asked_repair(att, err);
	/* Reserved: of a time when the network had its addresses from the in-process IPAM. */
	if (is_by_pod(&att->conf) && record->n && !record->addresses[0].reserved)
		return elements_repair(att, err);
	return 0;
}

static int masquerade_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list wanted = {};
	int ret = rules_build(att, false, &wanted, err);

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
	.repair_shared = masquerade_repair_shared,
	.repair = masquerade_repair,
};
