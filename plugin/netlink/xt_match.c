/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xt_match.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter_ipv6/ip6t_hl.h>
#include <string.h>

#include "conf/base/util.h"

static unsigned int state_bit(enum packet_state state)
{
	switch (state) {
	case PACKET_NEW:
		return XT_CONNTRACK_STATE_BIT(IP_CT_NEW);
	case PACKET_ESTABLISHED:
		return XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED);
	case PACKET_UNTRACKED:
		return XT_CONNTRACK_STATE_UNTRACKED;
	case PACKET_UNSEEN:
		break;
	}
	return XT_CONNTRACK_STATE_INVALID;
}

static enum xt_matched matched(bool matches)
{
	return matches ? XT_MATCHES : XT_DIFFERS;
}

static enum xt_matched conntrack_match(const struct packet *packet, const void *info)
{
	const struct xt_conntrack_mtinfo3 *match = info;
	/* That the rule was written with "-m state" changes nothing in it. */
	unsigned int flags = match->match_flags & ~(unsigned int)XT_CONNTRACK_STATE_ALIAS;
	bool has = match->state_mask & state_bit(packet->state);

	if (flags & ~(unsigned int)XT_CONNTRACK_STATE)
		return XT_OF_SOME;
	return matched(!flags || has == !(match->invert_flags & XT_CONNTRACK_STATE));
}

static enum xt_matched mark_match(const struct packet *packet, const void *info)
{
	const struct xt_mark_mtinfo1 *match = info;

	if (packet->marked)
		return XT_OF_SOME;
	return matched((match->mark == 0) != (match->invert != 0));
}

static enum xt_matched icmp6_match(const struct packet *packet, const void *info)
{
	const struct ip6t_icmp *match = info;
	bool has = packet->icmp_type == match->type || match->type == 0xff;

	if (packet->protocol != IPPROTO_ICMPV6)
		return XT_OF_SOME;
	if (has && match->type != 0xff && match->code[0] > 0)
		has = false;
	return matched(has == !(match->invflags & IP6T_ICMP_INV));
}

static enum xt_matched hl_match(const struct packet *packet, const void *info)
{
	const struct ip6t_hl_info *match = info;

	if (packet->protocol != IPPROTO_ICMPV6)
		return XT_OF_SOME;
	switch (match->mode) {
	case IP6T_HL_EQ:
		return matched(match->hop_limit == 255);
	case IP6T_HL_NE:
		return matched(match->hop_limit != 255);
	case IP6T_HL_GT:
		return matched(match->hop_limit < 255);
	default:
		return XT_DIFFERS;
	}
}

/* @mask has a bit for each type of address that is asked for; 0: it isn't asked for. */
static enum xt_matched type_match(const struct packet *packet, bool of_target,
				  unsigned int mask, bool inverted)
{
	uint32_t type;

	if (!mask)
		return XT_MATCHES;
	if (!packet_address_type(packet, of_target, &type))
		return XT_UNSURE;
	return matched(!(mask & 1U << type) == inverted);
}

static enum xt_matched addrtype_match(const struct packet *packet, const void *info)
{
	const struct xt_addrtype_info_v1 *match = info;
	enum xt_matched source = type_match(packet, false, match->source,
					    match->flags & XT_ADDRTYPE_INVERT_SOURCE),
			target = type_match(packet, true, match->dest,
					    match->flags & XT_ADDRTYPE_INVERT_DEST);

	if (source == XT_DIFFERS || target == XT_DIFFERS)
		return XT_DIFFERS;
	return source == XT_MATCHES ? target : source;
}

static enum xt_matched comment_match(const struct packet *packet, const void *info)
{
	(void)packet;
	(void)info;
	return XT_MATCHES;
}

static enum xt_matched set_match(const struct packet *packet, const void *info)
{
	(void)packet;
	(void)info;
	return XT_UNSURE;
}

#define ANY_REVISION (-1)

/* Any match that isn't in here may match, or not. */
static const struct {
	const char *name;
	int revision;
	size_t size; /* of its data */
	enum xt_matched (*match)(const struct packet *packet, const void *info);
} matches[] = {
	{"conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), conntrack_match},
	{"mark", 1, sizeof(struct xt_mark_mtinfo1), mark_match},
	{"icmp6", 0, sizeof(struct ip6t_icmp), icmp6_match},
	{"hl", 0, sizeof(struct ip6t_hl_info), hl_match},
	{"addrtype", 1, sizeof(struct xt_addrtype_info_v1), addrtype_match},
	{"comment", ANY_REVISION, 0, comment_match},
	{"set", ANY_REVISION, 0, set_match},
};

enum xt_matched xt_match(const struct packet *packet, const char *name,
			 unsigned int revision, const void *info, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++)
		if (strcmp(name, matches[i].name) == 0 && len >= matches[i].size &&
		    (matches[i].revision == ANY_REVISION ||
		     matches[i].revision == (int)revision))
			return matches[i].match(packet, info);
	return XT_OF_SOME;
}

/* Behind a target that translates, or that hands the packet to a program (which judges
 * it), no rule of the table sees it. */
enum rule_effect xt_effect(const char *target)
{
	static const char *const drops[] = {"REJECT", "DROP"},
				 *const accepts[] = {"DNAT",	 "SNAT",   "MASQUERADE",
						     "REDIRECT", "NETMAP", "NFQUEUE"};

	for (size_t i = 0; i < ARRAY_SIZE(drops); i++)
		if (strcmp(target, drops[i]) == 0)
			return RULE_DROPS;
	for (size_t i = 0; i < ARRAY_SIZE(accepts); i++)
		if (strcmp(target, accepts[i]) == 0)
			return RULE_ACCEPTS;
	return RULE_NONE;
}

bool xt_marks(const char *target)
{
	return strcmp(target, "MARK") == 0 || strcmp(target, "CONNMARK") == 0;
}
