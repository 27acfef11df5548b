/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes to a port of this node's own addresses goes on to the pod. What the pod would
 * answer past the node, where nobody would undo the translation, is masqueraded: its own
 * subnet, itself included, and 127.0.0.0/8.
 */
#include "hostport_rules.h"

#include <stdio.h>

#include "hostports.h"

/* Before kube-proxy's, whose chains have dstnat and -100: which of two chains of one priority
 * comes first depends on which was made last. */
static const struct rules_chain prerouting = {
	.name = "prerouting",
	.hook = "type nat hook prerouting priority dstnat - 1",
};

static const struct rules_chain output = {
	.name = "output",
	.hook = "type nat hook output priority -101",
};

static const struct rules_chain postrouting = {
	.name = "postrouting",
	.hook = "type nat hook postrouting priority srcnat",
};

static const struct rules_chain raw = {
	.name = "raw",
	.hook = "type filter hook prerouting priority raw",
};

static const struct {
	const char *digit, *ip, *nfproto;
	const char *loopback; /* that nothing is translated from */
} families[HOSTPORT_FAMILIES] = {
	{"4", "ip", "ipv4", " ip daddr != 127.0.0.0/8"},
	{"6", "ip6", "ipv6", " ip6 daddr != ::1"},
};

#define RULES_MAX (5 * HOSTPORT_FAMILIES + 2)

static struct text *rule_begin(struct rule_list *list, const struct rules_chain *chain,
			       const char *kind, const char *digit, struct text *text)
{
	struct rule *rule = &list->items[list->n];

	rule->chain = chain;
	snprintf(rule->kind, sizeof(rule->kind), "%s%s", kind, digit);
	*text = (struct text){};
	return text;
}

static void rule_end(struct rule_list *list, struct text *text, bool *failed)
{
	*failed |= text->failed;
	list->items[list->n++].text = text->text;
}

/*
 * The node's address goes into a set on the way, for a minute: so the rule that masquerades
 * can tell these connections from a Service's to the same pod, which must keep their source.
 */
static void dnat_add(struct rule_list *list, const struct rules_chain *chain, int f,
		     const char *kind, const char *except, const char *key,
		     const char *map, bool *failed)
{
	const char *ip = families[f].ip, *digit = families[f].digit;
	struct text text;

	text_add(rule_begin(list, chain, kind, digit, &text),
		 "meta nfproto %s%s fib daddr type local update @%s { %s "
		 "daddr } dnat %s to meta l4proto . %sth dport map @%s",
		 families[f].nfproto, except, hostport_nodeips[f], ip, ip, key, map);
	rule_end(list, &text, failed);
}

static void family_rules(const struct attachment *att, int f,
			 const struct hostport_sets *sets, struct rule_list *list,
			 bool *failed)
{
	const char *ip = families[f].ip, *digit = families[f].digit;
	bool snat = att->conf.ports.snat;
	const char *except = f == HOSTPORT_IPV4 && snat ? "" : families[f].loopback;
	const char *one = f == HOSTPORT_IPV4 ? "ip daddr . " : "ip6 daddr . ";
	struct text text;

	dnat_add(list, &prerouting, f, "any", "", "", sets->names[f][HOSTPORT_ANY],
		 failed);
	dnat_add(list, &prerouting, f, "one", "", one, sets->names[f][HOSTPORT_ONE],
		 failed);
	dnat_add(list, &output, f, "outany", except, "", sets->names[f][HOSTPORT_ANY],
		 failed);
	dnat_add(list, &output, f, "outone", except, one, sets->names[f][HOSTPORT_ONE],
		 failed);
	if (!snat)
		return;
	text_add(rule_begin(list, &postrouting, "snat", digit, &text),
		 "ct status dnat ct original %s daddr @%s %s daddr . %s saddr "
		 "@%s masquerade",
		 ip, hostport_nodeips[f], ip, ip, sets->names[f][HOSTPORT_ONLINK]);
	rule_end(list, &text, failed);
}

/* With route_localnet the kernel would take packets of pods to and from 127.0.0.0/8, and so
 * let them at what listens there (CVE-2020-8558). Without snat, too: it may be on since it
 * was configured, or for another network of the bridge. */
static void localnet_rules(const struct attachment *att, struct rule_list *list,
			   bool *failed)
{
	static const char *const ends[] = {"saddr", "daddr"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct text text;

		text_add(rule_begin(list, &raw, "localnet", ends[i], &text),
			 "iif %u ip %s 127.0.0.0/8 drop", att->gateway_index, ends[i]);
		rule_end(list, &text, failed);
	}
}

int hostport_rules_wanted(const struct attachment *att, struct rule_list *ret_list,
			  struct cni_error *err)
{
	_cleanup_(rule_list_clear) struct rule_list list = {
		.items = calloc(RULES_MAX, sizeof(*list.items)),
	};
	struct hostport_sets sets;
	bool failed = false;
	int ret;

	if (!list.items)
		return error_oom(err);
	hostport_sets_name(rules_owner(&att->conf), &sets);
	ret = hostport_sets_wanted(&att->conf, &list, err);
	if (ret < 0)
		return ret;
	for (int f = 0; f < HOSTPORT_FAMILIES; f++)
		family_rules(att, f, &sets, &list, &failed);
	localnet_rules(att, &list, &failed);
	if (failed)
		return error_oom(err);
	*ret_list = list;
	list = (struct rule_list){};
	return 0;
}
