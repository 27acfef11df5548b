/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has the table of the sets, makes their elements, and writes what rules say to look into
 * them. */
#include "masquerade_sets.h"

#include <linux/netfilter.h>
#include <sys/socket.h>

#include "conf/base/list.h"

#define SETS_N (MASQUERADE_FAMILIES * MASQUERADE_KINDS)

/* Addresses of sentinels: no packet comes from them. */
#define NOBODY4 "\377\377\377\377"
#define NOBODY6 "\377"

static const struct set_type types[MASQUERADE_FAMILIES][MASQUERADE_KINDS] = {
	{
		{NFPROTO_INET, "pods4", .key = {SET_IPV4}, .content = "pods",
		 .sentinel = {NOBODY4}},
		{NFPROTO_INET, "own4", .key = {SET_IPV4, SET_IPV4}, .interval = true,
		 .content = "subnets", .sentinel = {NOBODY4, NOBODY4}},
	},
	{
		{NFPROTO_INET, "pods6", .key = {SET_IPV6}, .content = "pods",
		 .sentinel = {NOBODY6}},
		{NFPROTO_INET, "own6", .key = {SET_IPV6, SET_IPV6}, .interval = true,
		 .content = "subnets", .sentinel = {NOBODY6, NOBODY6}},
	},
};

void masquerade_sets_name(uint64_t owner, struct masquerade_sets *sets)
{
	for (int f = 0; f < MASQUERADE_FAMILIES; f++)
		for (int k = 0; k < MASQUERADE_KINDS; k++)
			set_name(&types[f][k], owner, &sets->sets[f][k]);
}

static const struct nft_set *sets_of(const struct masquerade_sets *sets, int family)
{
	return sets->sets[family == AF_INET ? MASQUERADE_IPV4 : MASQUERADE_IPV6];
}

int masquerade_elements_add(const struct masquerade_sets *sets,
			    const struct ip_prefix *address, bool masqueraded,
			    struct nft_element_list *elements, struct cni_error *err)
{
	const struct nft_set *own = sets_of(sets, address->addr.family);
	struct ip_prefix seen = *address;
	struct ip_addr last;
	struct nft_element *items;

	if (nft_element_list_grow(elements, MASQUERADE_KINDS) < 0)
		return error_oom(err);
	if (!masqueraded)
		seen.len = 0;
	last = prefix_last(&seen);
	seen = prefix_network(&seen);
	items = &elements->items[elements->n];
	elements->n += MASQUERADE_KINDS;
	set_element(&own[MASQUERADE_PODS], SET_VALUES(address->addr.bytes), NULL, NULL,
		    &items[MASQUERADE_PODS]);
	set_element(&own[MASQUERADE_OWN],
		    SET_VALUES(address->addr.bytes, seen.addr.bytes),
		    SET_VALUES(address->addr.bytes, last.bytes), NULL,
		    &items[MASQUERADE_OWN]);
	return 0;
}

void masquerade_sets_match(uint64_t owner, int family, struct text *text)
{
	const char *ip = family == AF_INET ? "ip" : "ip6";
	const struct nft_set *own;
	struct masquerade_sets sets;

	masquerade_sets_name(owner, &sets);
	own = sets_of(&sets, family);
	text_add(text, "%s saddr @%s %s saddr . %s daddr != @%s", ip,
		 own[MASQUERADE_PODS].name, ip, ip, own[MASQUERADE_OWN].name);
}

void masquerade_sets_match_own(uint64_t owner, int family, struct text *text)
{
	const char *ip = family == AF_INET ? "ip" : "ip6", *own;
	struct masquerade_sets sets;

	masquerade_sets_name(owner, &sets);
	own = sets_of(&sets, family)[MASQUERADE_OWN].name;
	text_add(text, "%s saddr . %s daddr @%s %s daddr . %s saddr @%s", ip, ip, own, ip,
		 ip, own);
}

void masquerade_sets_exclude(uint64_t owner, int family, struct text *text)
{
	struct masquerade_sets sets;

	masquerade_sets_name(owner, &sets);
	text_add(text, " %s saddr != @%s", family == AF_INET ? "ip" : "ip6",
		 sets_of(&sets, family)[MASQUERADE_PODS].name);
}

void masquerade_pods_clear(struct masquerade_pods *pods)
{
	free(pods->items);
}

int masquerade_pods_note(struct masquerade_pods *pods, const struct ip_prefix *address,
			 bool masqueraded, struct cni_error *err)
{
	struct masquerade_pod *added = LIST_ADD(pods);

	if (!added)
		return error_oom(err);
	*added = (struct masquerade_pod){*address, masqueraded};
	return 0;
}

bool masquerade_pods_have(const struct masquerade_pods *pods, const struct ip_addr *addr)
{
	for (size_t i = 0; i < pods->n; i++)
		if (ip_equal(&pods->items[i].address.addr, addr))
			return true;
	return false;
}

int masquerade_sets_watch(uint64_t owner, struct rule_list *list, struct cni_error *err)
{
	struct masquerade_sets sets;

	masquerade_sets_name(owner, &sets);
	return rule_list_watch(list, &sets.sets[0][0], SETS_N, err);
}

int masquerade_sets_fill(const struct network *network,
			 const struct masquerade_pods *pods, struct rule_list *list,
			 struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct masquerade_sets sets;
	int ret = 0;

	masquerade_sets_name(network->owner, &sets);
	for (size_t i = 0; ret == 0 && i < pods->n; i++)
		ret = masquerade_elements_add(&sets, &pods->items[i].address,
					      pods->items[i].masqueraded, &elements, err);
	rule_list_declare(list, &sets.sets[0][0], SETS_N, network);
	sets_fill(&sets.sets[0][0], SETS_N, true, &elements, &list->set_commands);
	return ret;
}
