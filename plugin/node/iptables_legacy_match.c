/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the entries of a table of iptables-legacy, and compares packets with them. */
#include <arpa/inet.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/util.h"
#include "iptables_legacy_table.h"
#include "plugin/netlink/xt_match.h"

static struct ip_addr addr_of(int family, const void *bytes)
{
	struct ip_addr addr = {.family = family};

	memcpy(addr.bytes, bytes, ip_size(family));
	return addr;
}

static struct legacy_entry entry4(const struct ipt_entry *at)
{
	return (struct legacy_entry){
		.in = at->ip.iniface,
		.out = at->ip.outiface,
		.in_mask = at->ip.iniface_mask,
		.out_mask = at->ip.outiface_mask,
		.from = addr_of(AF_INET, &at->ip.src),
		.from_mask = addr_of(AF_INET, &at->ip.smsk),
		.to = addr_of(AF_INET, &at->ip.dst),
		.to_mask = addr_of(AF_INET, &at->ip.dmsk),
		.protocol = at->ip.proto,
		.asks_protocol = at->ip.proto != 0,
		.fragments_only = at->ip.flags & IPT_F_FRAG,
		.inverted = at->ip.invflags,
		.matches = sizeof(*at),
		.target = at->target_offset,
		.next = at->next_offset,
	};
}

/* The flags of both families have the same values. */
_Static_assert(IPT_INV_VIA_IN == IP6T_INV_VIA_IN && IPT_INV_VIA_OUT == IP6T_INV_VIA_OUT &&
		       IPT_INV_SRCIP == IP6T_INV_SRCIP &&
		       IPT_INV_DSTIP == IP6T_INV_DSTIP && IPT_INV_PROTO == IP6T_INV_PROTO,
	       "ip_tables and ip6_tables differ");

static struct legacy_entry entry6(const struct ip6t_entry *at)
{
	return (struct legacy_entry){
		.in = at->ipv6.iniface,
		.out = at->ipv6.outiface,
		.in_mask = at->ipv6.iniface_mask,
		.out_mask = at->ipv6.outiface_mask,
		.from = addr_of(AF_INET6, &at->ipv6.src),
		.from_mask = addr_of(AF_INET6, &at->ipv6.smsk),
		.to = addr_of(AF_INET6, &at->ipv6.dst),
		.to_mask = addr_of(AF_INET6, &at->ipv6.dmsk),
		.protocol = at->ipv6.proto,
		.asks_protocol = at->ipv6.flags & IP6T_F_PROTO && at->ipv6.proto != 0,
		.inverted = at->ipv6.invflags,
		.matches = sizeof(*at),
		.target = at->target_offset,
		.next = at->next_offset,
	};
}

bool legacy_entry_at(const struct legacy_table *table, size_t at,
		     struct legacy_entry *ret_entry)
{
	const char *text = (const char *)table->entries->entrytable;
	size_t left = at < table->info.size ? table->info.size - at : 0;
	bool four = table->family == AF_INET;

	if (left < (four ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry)))
		return false;
	*ret_entry = four ? entry4((const void *)(text + at))
			  : entry6((const void *)(text + at));
	return ret_entry->next > 0 && ret_entry->next <= left &&
	       ret_entry->target >= ret_entry->matches &&
	       ret_entry->target + sizeof(struct xt_entry_target) <= ret_entry->next;
}

static bool has_name(const char *name, const unsigned char *mask, const char *ifname)
{
	char padded[IFNAMSIZ] = {};

	strncpy(padded, ifname, sizeof(padded) - 1);
	for (size_t i = 0; i < IFNAMSIZ; i++)
		if ((padded[i] ^ name[i]) & mask[i])
			return false;
	return true;
}

static bool has_addr(const struct ip_addr *addr, const struct ip_addr *wanted,
		     const struct ip_addr *mask)
{
	for (size_t i = 0; i < ip_size(addr->family); i++)
		if ((addr->bytes[i] & mask->bytes[i]) != wanted->bytes[i])
			return false;
	return true;
}

static bool is_whole(const struct ip_addr *mask)
{
	for (size_t i = 0; i < ip_size(mask->family); i++)
		if (mask->bytes[i] != 0xff)
			return false;
	return true;
}

/* Of an address that may be translated nothing is known, if it is asked for. A whole one is
 * that of one among many, unless all packets have it. */
static void addr_judge(const struct ip_addr *addr, enum known known,
		       const struct ip_addr *wanted, const struct ip_addr *mask,
		       bool inverted, bool *differs, struct rule_judged *judged)
{
	bool has = has_addr(addr, wanted, mask),
	     one = known == KNOWN_EXAMPLE && has && is_whole(mask);

	if ((known == KNOWN_NOT && !ip_is_any(mask)) || (one && !inverted))
		judged->unsure = judged->of_some = true;
	else if (!one)
		*differs |= has == inverted;
}

static bool header_differs(const struct legacy_entry *entry, const struct packet *packet,
			   struct rule_judged *judged)
{
	bool differs = has_name(entry->in, entry->in_mask, packet->in) ==
			       !!(entry->inverted & IPT_INV_VIA_IN) ||
		       has_name(entry->out, entry->out_mask, packet->out) ==
			       !!(entry->inverted & IPT_INV_VIA_OUT);

	addr_judge(&packet->from, known_as(packet->hides_from, packet->sure_from),
		   &entry->from, &entry->from_mask, entry->inverted & IPT_INV_SRCIP,
		   &differs, judged);
	addr_judge(&packet->to, known_as(packet->hides_to, packet->sure_to), &entry->to,
		   &entry->to_mask, entry->inverted & IPT_INV_DSTIP, &differs, judged);
	if (entry->asks_protocol && !packet->protocol)
		judged->unsure = judged->of_some = true;
	else if (entry->asks_protocol)
		differs |= (entry->protocol == packet->protocol) ==
			   !!(entry->inverted & IPT_INV_PROTO);
	if (entry->fragments_only)
		judged->unsure = judged->of_some = true;
	return differs;
}

static bool matches_differ(const struct legacy_entry *entry, const char *text,
			   const struct packet *packet, struct rule_judged *judged)
{
	for (size_t at = entry->matches; at < entry->target;) {
		const struct xt_entry_match *match = (const void *)(text + at);
		size_t size = entry->target - at < sizeof(*match)
				      ? 0
				      : match->u.user.match_size;

		if (size < sizeof(*match) || size > entry->target - at)
			return true;
		switch (xt_match(packet, match->u.user.name, match->u.user.revision,
				 match->data, size - sizeof(*match))) {
		case XT_DIFFERS:
			return true;
		case XT_OF_SOME:
			judged->of_some = true;
			judged->unsure = true;
			break;
		case XT_UNSURE:
			judged->unsure = true;
			break;
		case XT_MATCHES:
			break;
		}
		at += size;
	}
	return false;
}

/* The flags that have a rule not come back from the chain that it leads to. */
static bool is_goto(const struct legacy_table *table, size_t at)
{
	const char *text = (const char *)table->entries->entrytable + at;

	return table->family == AF_INET
		       ? ((const struct ipt_entry *)text)->ip.flags & IPT_F_GOTO
		       : ((const struct ip6t_entry *)text)->ipv6.flags & IP6T_F_GOTO;
}

#define VERDICT(netfilter) (-(netfilter)-1)

static void effect_take(const struct legacy_table *table, size_t at,
			const struct legacy_entry *entry, struct rule_judged *judged)
{
	const char *text = (const char *)table->entries->entrytable + at;
	const struct xt_standard_target *target = (const void *)(text + entry->target);
	int verdict = target->verdict;
	const char *chain;

	if (target->target.u.user.name[0] != '\0') {
		judged->effect = xt_effect(target->target.u.user.name);
		judged->marks = xt_marks(target->target.u.user.name);
	} else if (verdict >= 0) {
		chain = legacy_chain_name(table, verdict);
		/* The verdict of a rule without a target is the rule behind it. */
		if (!chain)
			return;
		judged->effect = is_goto(table, at) ? RULE_GOES : RULE_JUMPS;
		snprintf(judged->chain, sizeof(judged->chain), "%s", chain);
	} else {
		judged->effect = verdict == VERDICT(NF_ACCEPT) ? RULE_ACCEPTS
				 : verdict == VERDICT(NF_DROP) ? RULE_DROPS
				 : verdict == XT_RETURN	       ? RULE_RETURNS
							       : RULE_NONE;
	}
}

struct rule_judged legacy_entry_judge(const struct legacy_table *table, size_t at,
				      const struct legacy_entry *entry,
				      const struct packet *packet)
{
	const char *text = (const char *)table->entries->entrytable + at;
	struct rule_judged judged = {};

	if (!header_differs(entry, packet, &judged) &&
	    !matches_differ(entry, text, packet, &judged))
		effect_take(table, at, entry, &judged);
	return judged;
}
