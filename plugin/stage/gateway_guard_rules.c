/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the rules. */
#include "gateway_guard_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "chains.h"
#include "isolation_elements.h"

/* All owners share this chain. What one owner's isolated pod sends through the node comes
 * here, and each owner drops what is for an isolated pod of its own. */
static const struct rules_chain isolated = {.name = "isolated"};

static const struct family {
	int family;
	const char *ip, *digit, *nfproto;
	const char *redirect;
	/* Leaves out packets that aren't routed, by sources that no host routes from:
	 * those of a host that looks for an address, and link-local ones. With
	 * bridge-nf-call-iptables rules see what is bridged, too. */
	const char *unrouted;
} families[IP_FAMILIES] = {
	{AF_INET, "ip", "4", "ipv4", "icmp type redirect", "ip saddr != 0.0.0.0"},
	{AF_INET6, "ip6", "6", "ipv6", "icmpv6 type nd-redirect",
	 "ip6 saddr != :: ip6 saddr != fe80::/10"},
};

/* The node's own words to pods. */
static const struct rules_chain redirects = {
	.name = "redirects",
	.hook = "type filter hook output priority filter",
};

#define RULES_MAX 9 /* 2 on sources, 5 on isolated pods, 2 on redirects */
#define SOURCE	  "source" /* the kind of rules of GUARD_SOURCES */

/* The list that is being built. */
struct build {
	const struct attachment *att;
	unsigned int guards;
	struct rule_list list;
	bool failed;
};

static void build_clear(struct build *build)
{
	rule_list_clear(&build->list);
}

/* Gives the text, which the caller frees. NULL: out of memory. */
static char *taken(struct text *text)
{
	if (text->failed) {
		free(text->text);
		return NULL;
	}
	return text->text;
}

/* Takes over @text; NULL: out of memory. */
static void rule_add(struct build *build, enum gateway_guards guard,
		     const struct rules_chain *chain, const char *kind, const char *digit,
		     char *text)
{
	struct rule *rule = &build->list.items[build->list.n++];

	rule->chain = chain;
	rule->tolerated = !(build->guards & guard);
	snprintf(rule->kind, sizeof(rule->kind), "%s%s", kind, digit);
	rule->text = text;
	build->failed |= !text;
}

/*
 * Adds a match of the gateway's interface; @direction: "iif" or "oif". By its name, the
 * rule serves a bridge that is made anew as well. A name that nft would read as a
 * pattern, or couldn't read, is none of it.
 */
static void gateway_match(const struct attachment *att, const char *direction,
			  const char *operator, struct text * text)
{
	const char *name = att->gateway_ifname;

	if (!set_ifname_is_plain(name))
		text_add(text, "%s %s%u ", direction, operator, att->gateway_index);
	else
		text_add(text, "%sname %s\"%s\" ", direction, operator, name);
}

/* Adds a match of sources that lie outside of the network's own subnets. Nearly all
 * packets of pods come from inside, and are done with here. */
static void outside_match(const struct network *network, int f, struct text *text)
{
	const struct ipam_conf *ipam = &network->ipam;

	for (size_t i = ipam->runtime_sets; ipam_in_process(network) && i < ipam->sets.n;
	     i++)
		for (size_t k = 0; k < ipam->sets.items[i].n; k++) {
			const struct ip_prefix *subnet =
				&ipam->sets.items[i].ranges[k].subnet;

			if (subnet->addr.family == families[f].family)
				text_add(text, "%s saddr != %s ", families[f].ip,
					 PREFIX_TEXT(subnet));
		}
	text_add(text, "%s ", families[f].unrouted);
}

/*
 * The kernel knows which addresses are behind the bridge: it has a route there for each
 * subnet that the bridge has a gateway in, whichever network and time that is of. What
 * leaves by the bridge again is bridged, where rules see that (bridge-nf-call-iptables),
 * and then it may be of a network that the node has no route for; routed pods have no
 * such network on their bridge.
 */
static char *source_text(const struct attachment *att, int f,
			 const struct rules_chain *chain)
{
	struct text text = {};

	outside_match(att->network, f, &text);
	gateway_match(att, "iif", "", &text);
	if (chain == &chain_forward && !att->network->routed)
		gateway_match(att, "oif", "!= ", &text);
	text_add(&text, "fib saddr . iif oif missing counter drop");
	return taken(&text);
}

static void source_add(struct build *build, int f)
{
	rule_add(build, GUARD_SOURCES, &chain_forward, SOURCE, families[f].digit,
		 source_text(build->att, f, &chain_forward));
}

static void isolated_match(const struct build *build, int f, const char *end,
			   struct text *text)
{
	struct isolation_sets sets;

	isolation_sets_name(build->att->owner, &sets);
	/* A packet to the outside leaves the rule at the comparison of "oif", which is
	 * therefore the first. */
	text_add(text, "meta nfproto %s ", families[f].nfproto);
	gateway_match(build->att, "oif", "", text);
	gateway_match(build->att, "iif", "", text);
	text_add(text, "%s %s @%s ", families[f].ip, end, sets.sets[f].name);
}

/*
 * What is jumped to comes first, as in the transaction. A connection that the node
 * translates leads to a host port or a Service of the pod's, so somebody has made it
 * known to others: it isn't kept from isolated pods more than the bridge itself does.
 */
static void isolation_add(struct build *build)
{
	struct text text = {};

	text_add(&text, "ct status dnat return");
	rule_add(build, GUARD_ISOLATION, &isolated, "translated", "", taken(&text));
	build->list.items[build->list.n - 1].at_head = true;
	for (int f = 0; f < IP_FAMILIES; f++) {
		text = (struct text){};
		isolated_match(build, f, "daddr", &text);
		text_add(&text, "counter drop");
		rule_add(build, GUARD_ISOLATION, &isolated, "to", families[f].digit,
			 taken(&text));
		text = (struct text){};
		isolated_match(build, f, "saddr", &text);
		text_add(&text, "jump %s", isolated.name);
		rule_add(build, GUARD_ISOLATION, &chain_forward, "from",
			 families[f].digit, taken(&text));
	}
}

/* The bridge's send_redirects does nothing while that of all interfaces is on, and IPv6
 * has no such parameter. */
static void redirect_add(struct build *build, int f)
{
	struct text text = {};

	gateway_match(build->att, "oif", "", &text);
	text_add(&text, "%s drop", families[f].redirect);
	rule_add(build, GUARD_REDIRECTS, &redirects, "redirect", families[f].digit,
		 taken(&text));
}

static bool is_source(const struct rule *rule)
{
	return strncmp(rule->kind, SOURCE, strlen(SOURCE)) == 0;
}

static int family_of(const struct rule *rule)
{
	return rule->kind[strlen(rule->kind) - 1] == families[1].digit[0];
}

/* A kernel without CONFIG_NFT_FIB_INET can't ask for the way back at all. Then the rule
 * counts packets, and drops none. */
static int without_fib(const struct attachment *att, struct rule_list *list,
		       struct cni_error *err)
{
	for (size_t i = 0; i < list->n; i++) {
		struct rule *rule = &list->items[i];
		struct text text = {};

		if (!is_source(rule))
			continue;
		gateway_match(att, "iif", "", &text);
		text_add(&text, "meta nfproto %s counter",
			 families[family_of(rule)].nfproto);
		free(rule->text_to_write);
		rule->text_to_write = taken(&text);
		rule->chain_to_write = NULL;
		if (!rule->text_to_write)
			return error_oom(err);
	}
	notice(&att->op->notices,
	       "spoofCheck: this kernel's nftables doesn't look for routes: what %s passes "
	       "on is not checked once more for its source; the kernel would have to be "
	       "built with CONFIG_NFT_FIB_INET",
	       att->gateway_ifname);
	return 0;
}

/* Puts the rules on sources into the chain raw, for kernels before Linux 6.4: there a
 * rule may look for the way back to a source only before the packet is routed. */
static int before_routing(const struct attachment *att, struct rule_list *list,
			  struct cni_error *err)
{
	for (size_t i = 0; i < list->n; i++) {
		struct rule *rule = &list->items[i];

		if (!is_source(rule))
			continue;
		rule->chain_to_write = &chain_raw;
		rule->text_to_write = source_text(att, family_of(rule), &chain_raw);
		if (!rule->text_to_write)
			return error_oom(err);
	}
	list->fall_back = without_fib;
	return 0;
}

int gateway_guard_rules_wanted(const struct attachment *att, unsigned int guards,
			       struct rule_list *ret_list, struct cni_error *err)
{
	_cleanup_(build_clear) struct build build = {
		.att = att,
		.guards = guards,
		.list.items = calloc(RULES_MAX, sizeof(struct rule)),
		.list.fall_back = before_routing,
	};
	int ret = 0;

	if (!build.list.items)
		return error_oom(err);
	for (int f = 0; !att->bridge_has_other_ports && f < IP_FAMILIES; f++)
		source_add(&build, f);
	isolation_add(&build);
	for (int f = 0; f < IP_FAMILIES; f++)
		redirect_add(&build, f);
	if (build.failed)
		return error_oom(err);
	if (guards & GUARD_ISOLATION)
		ret = isolation_sets_wanted(att->network, &build.list, err);
	if (ret < 0)
		return ret;
	*ret_list = build.list;
	build.list = (struct rule_list){};
	return 0;
}

static enum gateway_guards guard_of(const struct rule *rule)
{
	if (is_source(rule))
		return GUARD_SOURCES;
	return rule->chain == &redirects ? GUARD_REDIRECTS : GUARD_ISOLATION;
}

static bool is_needed(const struct rule *rule, const void *data)
{
	const unsigned int *guards = data;

	return *guards & guard_of(rule);
}

int gateway_guard_rules_settle(const struct network *network, unsigned int guards,
			       struct rule_list *list, struct cni_error *err)
{
	bool has_sets = list->set_commands.len > 0;

	rule_list_settle(list, is_needed, &guards);
	return (guards & GUARD_ISOLATION) && !has_sets
		       ? isolation_sets_wanted(network, list, err)
		       : 0;
}
