/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes rules from the configuration, and decides which of them are wanted. */
#include "masquerade_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "chains.h"
#include "masquerade_local.h"
#include "masquerade_subnets.h"

#define KIND_BY_POD "pods-"

/* Rules over ranges that a runtime asked for are of the kind "asked-" and 8 digits. The
 * digits follow from all that the rules say but these ranges (kept_kinds_name()). */
#define KIND_ASKED     "asked-%08" PRIx32 "-"
#define KIND_ASKED_MAX 16

struct family {
	int family;
	const char *match; /* nft's keyword for its addresses */
	const char *digit; /* kinds of its rules end in it */
};

static const struct family families[] = {
	{AF_INET, "ip", "4"},
	{AF_INET6, "ip6", "6"},
};

/* Some of the range sets, over which rules of their own are written. */
struct part {
	struct range_set_list sets;
	const char *kind_prefix;
	/* Rules of this part are kept for other pods: they aren't replaced when addresses
	 * outside of the subnets come or go. */
	bool kept;
	bool by_pod; /* no range sets: the rules are over the sets of pods */
};

/* Prefixes, and addresses that lie outside of them. */
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

/* The list that is being built, and what it is built from. */
struct build {
	struct attachment *att;
	enum masquerade_form form;
	const struct masquerade_pods *pods;
	struct rule_list list;
};

static void build_clear(struct build *build)
{
	rule_list_clear(&build->list);
}

/* Adds the match of sources and destinations. @apart: not those in the set of pods. */
static void match_add(const struct network *network, const struct part *part,
		      const struct family *family, const struct addresses *sources,
		      const struct addresses *destinations, bool apart, struct text *text)
{
	if (part->by_pod) {
		masquerade_sets_match(network->owner, family->family, text);
	} else {
		text_add(text, "%s saddr { ", family->match);
		addresses_format(sources, family->family, text);
		text_add(text, " }");
	}
	if (apart)
		masquerade_sets_exclude(network->owner, family->family, text);
	text_add(text, " %s daddr != { ", family->match);
	addresses_format(destinations, family->family, text);
	text_add(text, " }");
}

/* The two rules of a part and family are made from this. */
struct pair {
	const struct part *part;
	const struct family *family;
	struct addresses sources, destinations;
};

static void pair_clear(struct pair *pair)
{
	addresses_clear(&pair->sources);
	addresses_clear(&pair->destinations);
}

static char *nat_text(const struct network *network, const struct pair *pair, bool apart)
{
	struct text text = {};

	match_add(network, pair->part, pair->family, &pair->sources, &pair->destinations,
		  apart, &text);
	text_add(&text, " masquerade%s",
		 network->masq_fully_random ? " fully-random" : "");
	return text.text;
}

/* A packet that conntrack can't place is not translated, either: it would leave with the
 * pod's own address (plugins#817). */
static char *invalid_text(const struct network *network, const struct pair *pair,
			  bool apart)
{
	struct text text = {};

	text_add(&text, "ct state invalid ");
	match_add(network, pair->part, pair->family, &pair->sources, &pair->destinations,
		  apart, &text);
	text_add(&text, " drop");
	return text.text;
}

static const struct {
	const char *kind;
	const struct rules_chain *chain;
	char *(*text)(const struct network *network, const struct pair *pair, bool apart);
} kinds[] = {
	{"nat", &chain_postrouting, nat_text},
	{"invalid", &chain_forward, invalid_text},
};

static bool has_apart(const struct build *build, int family)
{
	const struct masquerade_pods *pods = build->pods;

	for (size_t i = 0; pods && i < pods->n; i++)
		if (pods->items[i].address.addr.family == family)
			return true;
	return false;
}

/* May rules over sets of pods be there, and needn't? */
static bool by_pod_is_tolerated(const struct build *build)
{
	const struct network *network = build->att->network;

	return build->form == MASQUERADE_BY_SUBNET_OR_POD &&
	       !(network->ip_masq && ipam_delegated(network));
}

/* Adds the two rules with the texts that are compared. Addresses that are merely reserved
 * now are not in these texts: outside_add() adds them to the texts that are written. An
 * ADD doesn't look at those; whoever writes or repairs the rules makes them exact, so
 * that they don't go on naming addresses that nobody has any more. */
static int pair_add(struct build *build, const struct pair *pair, struct cni_error *err)
{
	const struct network *network = build->att->network;
	bool by_pod = pair->part->by_pod;
	bool apart = !by_pod && build->form == MASQUERADE_FOR_PODS &&
		     has_apart(build, pair->family->family);
	bool any_form = build->form == MASQUERADE_BY_SUBNET_OR_POD;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct rule *rule = &build->list.items[build->list.n++];

		rule->chain = kinds[i].chain;
		snprintf(rule->kind, sizeof(rule->kind), "%s%s%s",
			 pair->part->kind_prefix, kinds[i].kind, pair->family->digit);
		rule->exact = build->form == MASQUERADE_FOR_PODS && !pair->part->kept;
		rule->text = kinds[i].text(network, pair, apart);
		if (any_form && !by_pod)
			rule->alternative = kinds[i].text(network, pair, true);
		rule->tolerated = by_pod && by_pod_is_tolerated(build);
		if (!rule->text || (any_form && !by_pod && !rule->alternative))
			return error_oom(err);
	}
	return 0;
}

/* Adds reserved addresses that lie outside of the subnets to the texts to write. Those
 * without a record are masqueraded as the subnets are, and pods of the network see all of
 * them. */
static int outside_add(struct build *build, struct pair *pair, struct cni_error *err)
{
	const struct network *network = build->att->network;
	struct rule *rules = &build->list.items[build->list.n - ARRAY_SIZE(kinds)];
	bool apart = !pair->part->by_pod && has_apart(build, pair->family->family);
	int ret = 0;

	if (!pair->part->by_pod)
		ret = ipam_reserved_outside(&build->att->ipam_env,
					    &pair->sources.prefixes, false,
					    &pair->sources.spans, err);
	if (ret == 0)
		ret = ipam_reserved_outside(&build->att->ipam_env,
					    &pair->destinations.prefixes, true,
					    &pair->destinations.spans, err);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(kinds); i++) {
		rules[i].text_to_write = kinds[i].text(network, pair, apart);
		if (!rules[i].text_to_write)
			ret = error_oom(err);
	}
	return ret;
}

/* Fills in the subnets of the part as sources, and the destinations that see the pod's own
 * address. */
static int prefixes_fill(const struct network *network, const struct part *part,
			 const struct family *family, struct addresses *sources,
			 struct addresses *destinations, struct cni_error *err)
{
	size_t max = masquerade_subnets_max(&part->sets);

	sources->prefixes.items = calloc(max + 1, sizeof(struct ip_prefix));
	if (!sources->prefixes.items)
		return error_oom(err);
	masquerade_subnets_add(&part->sets, family->family, &sources->prefixes);
	return masquerade_kept_add(network, &part->sets, family->family,
				   &destinations->prefixes) < 0
		       ? error_oom(err)
		       : 0;
}

/* Adds the rules where the part has anything of the family. */
static int part_add(struct build *build, const struct part *part,
		    const struct family *family, bool outside, struct cni_error *err)
{
	_cleanup_(pair_clear) struct pair pair = {.part = part, .family = family};
	int ret = prefixes_fill(build->att->network, part, family, &pair.sources,
				&pair.destinations, err);

	if (ret < 0 || (pair.sources.prefixes.n == 0 && !part->by_pod))
		return ret;
	ret = pair_add(build, &pair, err);
	if (ret == 0 && outside && build->form == MASQUERADE_FOR_PODS)
		ret = outside_add(build, &pair, err);
	if (ret < 0 || build->att->routed)
		return ret;
	return part->by_pod
		       ? masquerade_local_pods_add(build->att, &build->list,
						   part->kind_prefix, family->family,
						   by_pod_is_tolerated(build), err)
		       : masquerade_local_add(build->att, &build->list, part->kind_prefix,
					      &pair.sources.prefixes, err);
}

/* Is the rule over sets of pods to be among them? */
static bool is_by_pod(const struct build *build, int family)
{
	const struct network *network = build->att->network;

	return build->form == MASQUERADE_BY_SUBNET_OR_POD ||
	       (network->ip_masq && ipam_delegated(network)) || has_apart(build, family);
}

static int family_add(struct build *build, const struct family *family,
		      struct cni_error *err)
{
	const struct part fixed = {.sets = masquerade_fixed_sets(build->att->network),
				   .kind_prefix = ""};
	const struct part asked = {.sets = build->att->pod->ranges,
				   .kind_prefix = build->list.kept_kinds,
				   .kept = true};
	const struct part by_pod = {.kind_prefix = KIND_BY_POD, .by_pod = true};
	bool masq = build->att->network->ip_masq && ipam_in_process(build->att->network);
	size_t before = build->list.n;
	int ret = 0;

	if (masq)
		ret = part_add(build, &fixed, family, true, err);
	if (masq && ret == 0)
		ret = part_add(build, &asked, family, build->list.n == before, err);
	if (ret == 0 && is_by_pod(build, family->family))
		ret = part_add(build, &by_pod, family, true, err);
	return ret;
}

static uint64_t prefix_hash(uint64_t hash, const struct ip_prefix *prefix)
{
	const unsigned int len =
		prefix->len; /* names of rules have been made with these */

	hash = hash_more(hash, prefix->addr.bytes, ip_size(prefix->addr.family));
	return hash_more(hash, &len, sizeof(len));
}

/* Names the kind of rules over asked ranges. When anything else that they say changes in
 * the configuration, so does the kind, and the rules are replaced. */
static void kept_kinds_name(const struct network *network, char ret_kind[RULE_KIND_MAX])
{
	const struct range_set_list sets = masquerade_fixed_sets(network);
	uint64_t hash = hash_text(network->masq_fully_random ? "random" : "");

	for (size_t i = 0; i < sets.n; i++)
		for (size_t k = 0; k < sets.items[i].n; k++)
			hash = prefix_hash(hash, &sets.items[i].ranges[k].subnet);
	for (size_t i = 0; i < network->non_masquerade.n; i++)
		hash = prefix_hash(hash, &network->non_masquerade.items[i]);
	snprintf(ret_kind, KIND_ASKED_MAX, KIND_ASKED, (uint32_t)hash);
}

/* Each part may have the two rules of a family, and those of masquerade_local.h. */
static size_t rules_max(const struct attachment *att)
{
	return 3 * (ARRAY_SIZE(kinds) + 1) * ARRAY_SIZE(families) +
	       masquerade_subnets_max(&att->network->ipam.sets) +
	       masquerade_subnets_max(&att->pod->ranges);
}

int masquerade_rules_wanted(struct attachment *att, enum masquerade_form form,
			    const struct masquerade_pods *pods,
			    struct rule_list *ret_list, struct cni_error *err)
{
	_cleanup_(build_clear) struct build build = {
		.att = att,
		.form = form,
		.pods = form == MASQUERADE_FOR_PODS ? pods : NULL,
		.list.items = calloc(rules_max(att), sizeof(struct rule)),
	};
	int ret = build.list.items ? 0 : error_oom(err);

	if (att->network->ip_masq && ipam_in_process(att->network))
		kept_kinds_name(att->network, build.list.kept_kinds);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(families); i++)
		ret = family_add(&build, &families[i], err);
	if (ret == 0 && att->network->ip_masq && ipam_delegated(att->network))
		ret = masquerade_sets_watch(att->owner, &build.list, err);
	if (ret == 0 && build.pods && (build.pods->n || build.list.sentinels_n))
		ret = masquerade_sets_fill(att->network, build.pods, &build.list, err);
	if (ret < 0)
		return ret;
	*ret_list = build.list;
	build.list = (struct rule_list){};
	return 0;
}

bool masquerade_has_pods(const struct rule_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].present &&
		    strncmp(list->items[i].kind, KIND_BY_POD, strlen(KIND_BY_POD)) == 0)
			return true;
	return false;
}
