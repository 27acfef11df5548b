/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections to a host port of one of the node's own addresses go on to the pod. Those
 * that the pod would answer past the node, where nobody would undo the translation, are
 * masqueraded: from its own subnet, itself included, and from 127.0.0.0/8.
 *
 * A Service of kube-proxy's may lead to the same pod, and then the pod is to see who
 * comes. Two bits of a connection's labels tell one from the other: LABEL_CAME is set on
 * its way into the chain "hostports", LABEL_NOT_OURS at the end of that chain, where it
 * comes only when no map of any network has translated it. (The kernel sets bits and
 * clears none; a translation ends the chain; and a map can't be asked before the label is
 * set in the same rule.)
 */
#include "portmap_rules.h"

#include <stdio.h>
#include <string.h>

#include "plugin/netlink/fence.h"
#include "chains.h"
#include "portmap_elements.h"

/* Two labels that nobody else uses. Open vSwitch labels only connections in zones of its
 * own. */
#define LABEL_CAME     "86"
#define LABEL_NOT_OURS "87"

#define HOSTPORTS_CHAIN "hostports"

/* Our chains come before kube-proxy's, which have the priorities dstnat and -100: which
 * of two chains of one priority comes first depends on when they were made. */
static const struct rules_chain prerouting = {
	.name = "prerouting",
	.hook = "type nat hook prerouting priority dstnat - 1",
};

static const struct rules_chain output = {
	.name = "output",
	.hook = "type nat hook output priority -101",
};

/* All networks share this chain: their translations are put at its head, and the rules
 * that set LABEL_NOT_OURS at its end. */
static const struct rules_chain hostports = {.name = HOSTPORTS_CHAIN};

static const struct rules_chain answers = {
	.name = "answers",
	.hook = "type filter hook prerouting priority filter",
};

static const struct {
	const char *digit, *ip, *nfproto, *type;
	const char *loopback; /* a match that leaves out what is sent to the loopback */
} families[PORTMAP_FAMILIES] = {
	{"4", "ip", "ipv4", "ipv4_addr", " ip daddr != 127.0.0.0/8"},
	{"6", "ip6", "ipv6", "ipv6_addr", " ip6 daddr != ::1"},
};

#define RULES_MAX (5 * PORTMAP_FAMILIES + 6)

struct list {
	struct rule_list rules;
	bool failed;
};

static struct text *rule_begin(struct list *list, const struct rules_chain *chain,
			       const char *kind, const char *digit, struct text *text)
{
	struct rule *rule = &list->rules.items[list->rules.n];

	rule->chain = chain;
	snprintf(rule->kind, sizeof(rule->kind), "%s%s", kind, digit);
	*text = (struct text){};
	return text;
}

static void rule_end(struct list *list, const struct text *text, bool at_head)
{
	struct rule *rule = &list->rules.items[list->rules.n++];

	list->failed |= text->failed;
	rule->text = text->text;
	rule->at_head = at_head;
}

static void dnat_add(struct list *list, int f, const char *kind, const char *except,
		     const char *key, const char *map)
{
	struct text text;

	text_add(rule_begin(list, &hostports, kind, families[f].digit, &text),
		 "meta nfproto %s%s dnat %s to meta l4proto . %sth dport map @%s",
		 families[f].nfproto, except, families[f].ip, key, map);
	rule_end(list, &text, true);
}

static void rest_add(struct list *list, int f)
{
	struct text text;

	text_add(rule_begin(list, &hostports, "rest", families[f].digit, &text),
		 "meta nfproto %s ct label set " LABEL_NOT_OURS, families[f].nfproto);
	rule_end(list, &text, false);
}

static void snat_add(struct list *list, int f, const char *onlink)
{
	const char *ip = families[f].ip;
	struct text text;

	text_add(rule_begin(list, &chain_postrouting, "snat", families[f].digit, &text),
		 "ct status dnat ct label & ( " LABEL_CAME " | " LABEL_NOT_OURS
		 " ) == " LABEL_CAME " %s daddr . %s saddr @%s masquerade",
		 ip, ip, onlink);
	rule_end(list, &text, false);
}

/* A packet from 127.0.0.0/8 must be masqueraded, whoever translated it. That it goes to a
 * pod with host ports is told by the pod's address, which lies in its own subnet. */
static void loopback_snat_add(struct list *list, const char *onlink)
{
	struct text text;

	text_add(rule_begin(list, &chain_postrouting, "snatlo", "4", &text),
		 "ct status dnat ip saddr 127.0.0.0/8 ip daddr . ip daddr @%s masquerade",
		 onlink);
	rule_end(list, &text, false);
}

/* Several networks have this rule, and a packet is to jump once: the first rule that it
 * meets sets the bit that the others look for. */
static void jump_add(struct list *list, const struct rules_chain *chain, const char *kind)
{
	struct text text;

	text_add(rule_begin(list, chain, kind, "", &text),
		 "ct label & " LABEL_CAME " != " LABEL_CAME
		 " fib daddr type local ct label set " LABEL_CAME
		 " jump " HOSTPORTS_CHAIN);
	rule_end(list, &text, true);
}

static void family_rules(const struct attachment *att, int f,
			 const struct portmap_sets *sets, struct list *list)
{
	bool snat = att->network->ports.snat;
	const char *except = f == PORTMAP_IPV4 && snat ? "" : families[f].loopback;
	const char *one = f == PORTMAP_IPV4 ? "ip daddr . " : "ip6 daddr . ";

	dnat_add(list, f, "any", except, "", sets->sets[f][PORTMAP_ANY].name);
	dnat_add(list, f, "one", except, one, sets->sets[f][PORTMAP_ONE].name);
	dnat_add(list, f, "range", except, one, sets->sets[f][PORTMAP_RANGE].name);
	rest_add(list, f);
	if (snat)
		snat_add(list, f, sets->sets[f][PORTMAP_ONLINK].name);
}

/*
 * With route_localnet the kernel would take packets of pods to and from 127.0.0.0/8, and
 * pods could reach what listens there (CVE-2020-8558). The rules are there without snat,
 * too: route_localnet may still be on because snat was configured once, or for another
 * network of the bridge. The fence that does the same without nftables lets packets with
 * the mark through: they are answers that are translated on the bridge.
 */
static void localnet_rules(const struct attachment *att, struct list *list)
{
	static const char *const ends[] = {"saddr", "daddr"};
	struct text text;

	/* show, where somebody has deleted the interface: a new one has another number. */
	if (att->gateway_index == 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		text_add(rule_begin(list, &chain_raw, "localnet", ends[i], &text),
			 "iif %u ip %s 127.0.0.0/8 drop", att->gateway_index, ends[i]);
		rule_end(list, &text, false);
	}
	text_add(rule_begin(list, &answers, "localnet", "answer", &text),
		 "iif %u ip daddr 127.0.0.0/8 ct direction reply meta mark set 0x%08x",
		 att->gateway_index, FENCE_PASS_MARK);
	rule_end(list, &text, false);
}

/* The text that @rule has on a kernel without labels; NULL: its own. */
static char *unlabelled(const struct rule *rule, int f, const struct portmap_sets *sets,
			bool *failed)
{
	const char *ip = families[f].ip;
	struct text text = {};

	if (rule->chain == &prerouting || rule->chain == &output)
		text_add(&text, "fib daddr type local jump " HOSTPORTS_CHAIN);
	else if (strncmp(rule->kind, "rest", 4) == 0)
		text_add(&text, "meta nfproto %s%s update @%s { %s daddr }",
			 families[f].nfproto, families[f].loopback, portmap_nodeips[f],
			 ip);
	else if (strncmp(rule->kind, "snat", 4) == 0 && rule->kind[4] != 'l')
		text_add(&text,
			 "ct status dnat ct original %s daddr @%s %s daddr . %s saddr "
			 "@%s masquerade",
			 ip, portmap_nodeips[f], ip, ip,
			 sets->sets[f][PORTMAP_ONLINK].name);
	*failed |= text.failed;
	return text.text;
}

/*
 * A kernel without CONFIG_NF_CONNTRACK_LABELS: the address of the node's that somebody
 * connects to goes into a set, for a minute, before the maps are asked; a rule of its
 * own, since a full set ends the rule. Then a pod's neighbours are not masqueraded, and
 * nothing else is amiss: 127.0.0.0/8, which anybody on the node could fill it with, needs
 * no element.
 */
static int without_labels(const struct attachment *att, struct rule_list *list,
			  struct cni_error *err)
{
	struct portmap_sets sets;
	bool failed = false;

	portmap_sets_name(att->owner, &sets);
	for (size_t i = 0; i < list->n; i++) {
		struct rule *rule = &list->items[i];
		int f = rule->kind[strlen(rule->kind) - 1] == '6' ? PORTMAP_IPV6
								  : PORTMAP_IPV4;

		rule->text_to_write = unlabelled(rule, f, &sets, &failed);
		if (rule->chain == &hostports)
			rule->at_head = !rule->at_head;
	}
	for (int f = 0; f < PORTMAP_FAMILIES; f++)
		text_add(&list->set_commands,
			 "add set inet " RULES_TABLE " %s { type %s; flags dynamic,"
			 "timeout; timeout 1m; }\n",
			 portmap_nodeips[f], families[f].type);
	return failed ? error_oom(err) : 0;
}

static void list_clear(struct list *list)
{
	rule_list_clear(&list->rules);
}

int portmap_rules_wanted(const struct attachment *att, struct rule_list *ret_list,
			 struct cni_error *err)
{
	_cleanup_(list_clear) struct list list = {
		.rules.items = calloc(RULES_MAX, sizeof(*list.rules.items)),
		.rules.fall_back = without_labels,
		.rules.former_sets = portmap_nodeips,
	};
	struct portmap_sets sets;
	int ret;

	if (!list.rules.items)
		return error_oom(err);
	portmap_sets_name(att->owner, &sets);
	ret = portmap_sets_wanted(att->network, &list.rules, err);
	if (ret < 0)
		return ret;
	/* In the order of the transaction: what is jumped to comes first. */
	for (int f = 0; f < PORTMAP_FAMILIES; f++)
		family_rules(att, f, &sets, &list);
	if (att->network->ports.snat)
		loopback_snat_add(&list, sets.sets[PORTMAP_IPV4][PORTMAP_ONLINK].name);
	jump_add(&list, &prerouting, "in");
	jump_add(&list, &output, "out");
	localnet_rules(att, &list);
	if (list.failed)
		return error_oom(err);
	*ret_list = list.rules;
	list.rules = (struct rule_list){};
	return 0;
}
