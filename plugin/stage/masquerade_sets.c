/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of the sets, rules over them, and what is in them as text for nft. */
#include "masquerade_sets.h"

#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <sys/socket.h>

#define SET_COMMENT_MAX 100 /* of the network's name in it, for people */

const struct ip_prefix masquerade_sentinels[MASQUERADE_SENTINELS] = {
	{{AF_INET, {255, 255, 255, 255}}, 32},
	{{AF_INET6, {0xff}}, 128},
};

void masquerade_sets_name(uint64_t owner, int family, struct masquerade_sets *sets)
{
	int number = family == AF_INET ? 4 : 6;

	snprintf(sets->pods_name, MASQUERADE_SET_NAME_MAX, "pods%d_%016" PRIx64, number,
		 owner);
	snprintf(sets->own_name, MASQUERADE_SET_NAME_MAX, "own%d_%016" PRIx64, number,
		 owner);
	sets->pods = (struct nft_set){NFPROTO_INET, RULES_TABLE, sets->pods_name};
	sets->own = (struct nft_set){NFPROTO_INET, RULES_TABLE, sets->own_name};
}

void masquerade_pods_match(uint64_t owner, int family, struct text *text)
{
	const char *ip = family == AF_INET ? "ip" : "ip6";
	struct masquerade_sets sets;

	masquerade_sets_name(owner, family, &sets);
	text_add(text, "%s saddr @%s %s saddr . %s daddr != @%s", ip, sets.pods_name, ip,
		 ip, sets.own_name);
}

void masquerade_pods_exclude(uint64_t owner, int family, struct text *text)
{
	struct masquerade_sets sets;

	masquerade_sets_name(owner, family, &sets);
	text_add(text, " %s saddr != @%s", family == AF_INET ? "ip" : "ip6",
		 sets.pods_name);
}

void masquerade_pods_clear(struct masquerade_pods *pods)
{
	free(pods->items);
}

int masquerade_pods_note(struct masquerade_pods *pods, const struct ip_prefix *address,
			 bool masqueraded, struct cni_error *err)
{
	struct masquerade_pod *items;

	items = reallocarray(pods->items, pods->n + 1, sizeof(*items));
	if (!items)
		return error_oom(err);
	pods->items = items;
	items[pods->n++] = (struct masquerade_pod){*address, masqueraded};
	return 0;
}

bool masquerade_pods_have(const struct masquerade_pods *pods, const struct ip_addr *addr)
{
	for (size_t i = 0; i < pods->n; i++)
		if (ip_equal(&pods->items[i].address.addr, addr))
			return true;
	return false;
}

static void set_text(const char *name, const char *type, const char *what,
		     const struct network *conf, struct text *text)
{
	text_add(text,
		 "add set inet " RULES_TABLE " %s { %s; comment \"%s of %.*s\"; }\n",
		 name, type, what, SET_COMMENT_MAX, conf->name);
}

static void sets_text(const struct network *network, struct text *text)
{
	struct masquerade_sets sets;

	masquerade_sets_name(network->owner, AF_INET, &sets);
	set_text(sets.pods_name, "type ipv4_addr", "pods", network, text);
	set_text(sets.own_name, "type ipv4_addr . ipv4_addr; flags interval", "subnets",
		 network, text);
	masquerade_sets_name(network->owner, AF_INET6, &sets);
	set_text(sets.pods_name, "type ipv6_addr", "pods", network, text);
	set_text(sets.own_name, "type ipv6_addr . ipv6_addr; flags interval", "subnets",
		 network, text);
}

static void elements_text(const struct masquerade_sets *sets,
			  const struct ip_prefix *address, bool masqueraded,
			  struct text *text)
{
	struct ip_prefix kept = *address;
	struct ip_addr last;
	const char *addr = IP_TEXT(&address->addr);

	if (!masqueraded)
		kept.len = 0;
	last = prefix_last(&kept);
	kept = prefix_network(&kept);
	text_add(text, "add element inet " RULES_TABLE " %s { %s }\n", sets->pods_name,
		 addr);
	text_add(text, "add element inet " RULES_TABLE " %s { %s . ", sets->own_name,
		 addr);
	if (kept.len > 0)
		text_add(text, "%s }\n", PREFIX_TEXT(&kept));
	else
		text_add(text, "%s-%s }\n", IP_TEXT(&kept.addr), IP_TEXT(&last));
}

/* The set may be there still, with elements that are in the way: it is emptied first. */
static void family_text(uint64_t owner, const struct ip_prefix *sentinel,
			const struct masquerade_pods *pods, struct text *text)
{
	struct masquerade_sets sets;

	masquerade_sets_name(owner, sentinel->addr.family, &sets);
	text_add(text, "flush set inet " RULES_TABLE " %s\n", sets.pods_name);
	text_add(text, "flush set inet " RULES_TABLE " %s\n", sets.own_name);
	elements_text(&sets, sentinel, true, text);
	for (size_t i = 0; i < pods->n; i++)
		if (pods->items[i].address.addr.family == sentinel->addr.family)
			elements_text(&sets, &pods->items[i].address,
				      pods->items[i].masqueraded, text);
}

int masquerade_pods_sets(const struct network *network,
			 const struct masquerade_pods *pods, struct rule_list *list,
			 struct cni_error *err)
{
	struct text text = {};

	sets_text(network, &text);
	for (size_t i = 0; i < MASQUERADE_SENTINELS; i++)
		family_text(network->owner, &masquerade_sentinels[i], pods, &text);
	list->sets = text.text;
	return text.failed ? error_oom(err) : 0;
}
