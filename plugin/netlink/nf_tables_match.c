/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Goes through a rule's expressions with the registers that the kernel would have. What a
 * register has is known, or it isn't; a comparison with what isn't known is unsure. */
#include "nf_tables_match.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <net/if.h>
#include <sys/socket.h>

#include "attr.h"

#define REGISTER_SIZE 4 /* bytes; the names of 16 bytes stand for four of them */
#define REGISTERS     20 /* in units of four bytes: the first four are the verdict's */

struct machine {
	const struct forwarded_packet *packet;
	uint8_t bytes[REGISTERS * REGISTER_SIZE];
	bool known[REGISTERS * REGISTER_SIZE];
	bool differs; /* a comparison has failed: the rule doesn't match */
	struct rule_judged judged;
};

static uint32_t be_u32(const struct nlattr *attr)
{
	return ntohl(get_u32(attr));
}

/* Where a register begins; the verdict's for a number that no register has. */
static size_t register_at(uint32_t number)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (size_t)number * 4 * REGISTER_SIZE;
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		return (4 + number - NFT_REG32_00) * REGISTER_SIZE;
	return 0;
}

static size_t room_at(const struct machine *machine, size_t at, size_t len)
{
	size_t left = sizeof(machine->bytes) - at;

	return len < left ? len : left;
}

/* @bytes NULL: what the register gets isn't known. */
static void load(struct machine *machine, uint32_t number, const void *bytes, size_t len)
{
	size_t at = register_at(number);

	len = room_at(machine, at, len);
	memset(machine->known + at, bytes != NULL, len);
	if (bytes)
		memcpy(machine->bytes + at, bytes, len);
}

static void load_unknown(struct machine *machine, uint32_t number)
{
	machine->judged.of_some = true;
	load(machine, number, NULL, 4 * REGISTER_SIZE);
}

static bool is_known(const struct machine *machine, size_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!machine->known[at + i])
			return false;
	return true;
}

static void meta_run(struct machine *machine, struct nlattr **attrs)
{
	const struct forwarded_packet *packet = machine->packet;
	uint32_t number = be_u32(attrs[NFTA_META_DREG]), value = 0;
	char name[IFNAMSIZ] = {};
	uint8_t family = packet->from.family;

	if (!attrs[NFTA_META_DREG])
		return; /* it sets something of the packet */
	switch (be_u32(attrs[NFTA_META_KEY])) {
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
		strncpy(name,
			be_u32(attrs[NFTA_META_KEY]) == NFT_META_IIFNAME ? packet->in
									 : packet->out,
			sizeof(name) - 1);
		load(machine, number, name, sizeof(name));
		return;
	case NFT_META_IIF:
	case NFT_META_OIF:
		value = if_nametoindex(be_u32(attrs[NFTA_META_KEY]) == NFT_META_IIF
					       ? packet->in
					       : packet->out);
		load(machine, number, &value, sizeof(value));
		return;
	case NFT_META_NFPROTO:
		/* The register has one byte of it, and zeros. */
		load(machine, number, &value, sizeof(value));
		load(machine, number, &family, sizeof(family));
		return;
	case NFT_META_MARK:
		load(machine, number, &value, sizeof(value));
		return;
	default:
		load_unknown(machine, number);
	}
}

static void ct_run(struct machine *machine, struct nlattr **attrs)
{
	uint32_t number = be_u32(attrs[NFTA_CT_DREG]);
	uint32_t state = NF_CT_STATE_BIT(machine->packet->is_answer ? IP_CT_ESTABLISHED
								    : IP_CT_NEW);
	uint32_t none = 0;

	if (!attrs[NFTA_CT_DREG])
		return;
	switch (be_u32(attrs[NFTA_CT_KEY])) {
	case NFT_CT_STATE:
		load(machine, number, &state, sizeof(state));
		return;
	case NFT_CT_MARK:
		load(machine, number, &none, sizeof(none));
		return;
	case NFT_CT_STATUS:
		if (!machine->packet->is_answer) {
			load(machine, number, &none, sizeof(none));
			return;
		}
		/* fallthrough */
	default:
		load_unknown(machine, number);
	}
}

static void payload_run(struct machine *machine, struct nlattr **attrs)
{
	const struct forwarded_packet *packet = machine->packet;
	uint32_t number = be_u32(attrs[NFTA_PAYLOAD_DREG]);
	size_t offset = be_u32(attrs[NFTA_PAYLOAD_OFFSET]),
	       len = be_u32(attrs[NFTA_PAYLOAD_LEN]), size = ip_size(packet->from.family);
	size_t from = packet->from.family == AF_INET ? 12 : 8;
	uint8_t addresses[32];

	if (!attrs[NFTA_PAYLOAD_DREG])
		return;
	memcpy(addresses, packet->from.bytes, size);
	memcpy(addresses + size, packet->to.bytes, size);
	if (be_u32(attrs[NFTA_PAYLOAD_BASE]) == NFT_PAYLOAD_NETWORK_HEADER &&
	    offset >= from && len <= 2 * size && offset - from <= 2 * size - len)
		load(machine, number, addresses + offset - from, len);
	else
		load_unknown(machine, number);
}

/* The value of an attribute that nests NFTA_DATA_VALUE; NULL: there is none. */
static const struct nlattr *data_value(struct nlattr *attr)
{
	struct nlattr *data[NFTA_DATA_MAX + 1];

	if (!attr || nla_parse_nested(data, NFTA_DATA_MAX, attr, NULL) < 0)
		return NULL;
	return data[NFTA_DATA_VALUE];
}

static void bitwise_run(struct machine *machine, struct nlattr **attrs)
{
	const struct nlattr *mask = data_value(attrs[NFTA_BITWISE_MASK]),
			    *xor = data_value(attrs[NFTA_BITWISE_XOR]);
	uint32_t to = be_u32(attrs[NFTA_BITWISE_DREG]);
	size_t len = be_u32(attrs[NFTA_BITWISE_LEN]),
	       at = register_at(be_u32(attrs[NFTA_BITWISE_SREG]));
	uint8_t result[4 * REGISTER_SIZE];

	if (!mask || !xor || len > sizeof(result) || nla_len(mask) < (int)len ||
	    nla_len(xor) < (int)len || room_at(machine, at, len) < len ||
	    !is_known(machine, at, len)) {
		load_unknown(machine, to);
		return;
	}
	for (size_t i = 0; i < len; i++)
		result[i] = (machine->bytes[at + i] & ((uint8_t *)nla_data(mask))[i]) ^
			    ((uint8_t *)nla_data(xor))[i];
	load(machine, to, result, len);
}

static bool holds(uint32_t op, int cmp)
{
	switch (op) {
	case NFT_CMP_EQ:
		return cmp == 0;
	case NFT_CMP_NEQ:
		return cmp != 0;
	case NFT_CMP_LT:
		return cmp < 0;
	case NFT_CMP_LTE:
		return cmp <= 0;
	case NFT_CMP_GT:
		return cmp > 0;
	default:
		return cmp >= 0;
	}
}

static void cmp_run(struct machine *machine, struct nlattr **attrs)
{
	const struct nlattr *value = data_value(attrs[NFTA_CMP_DATA]);
	size_t at = register_at(be_u32(attrs[NFTA_CMP_SREG]));
	size_t len = value ? (size_t)nla_len(value) : 0;

	if (!value || room_at(machine, at, len) < len || !is_known(machine, at, len))
		machine->judged.unsure = true;
	else if (!holds(be_u32(attrs[NFTA_CMP_OP]),
			memcmp(machine->bytes + at, nla_data(value), len)))
		machine->differs = true;
}

static void range_run(struct machine *machine, struct nlattr **attrs)
{
	const struct nlattr *from = data_value(attrs[NFTA_RANGE_FROM_DATA]),
			    *to = data_value(attrs[NFTA_RANGE_TO_DATA]);
	size_t at = register_at(be_u32(attrs[NFTA_RANGE_SREG]));
	size_t len = from ? (size_t)nla_len(from) : 0;

	if (!from || !to || nla_len(to) != nla_len(from) ||
	    room_at(machine, at, len) < len || !is_known(machine, at, len))
		machine->judged.unsure = true;
	else if ((memcmp(machine->bytes + at, nla_data(from), len) >= 0 &&
		  memcmp(machine->bytes + at, nla_data(to), len) <= 0) !=
		 (be_u32(attrs[NFTA_RANGE_OP]) == NFT_RANGE_EQ))
		machine->differs = true;
}

/* A set, or a map: of verdicts, or of values for a register. */
static void lookup_run(struct machine *machine, struct nlattr **attrs)
{
	machine->judged.unsure = true;
	if (attrs[NFTA_LOOKUP_DREG] && !be_u32(attrs[NFTA_LOOKUP_DREG]))
		machine->judged.effect = RULE_ANYTHING; /* NFT_REG_VERDICT */
	else if (attrs[NFTA_LOOKUP_DREG])
		load_unknown(machine, be_u32(attrs[NFTA_LOOKUP_DREG]));
}

static void unjudged(struct machine *machine)
{
	machine->judged.unsure = machine->judged.of_some = true;
}

static void verdict_set(struct machine *machine, int32_t code, const struct nlattr *chain)
{
	static const struct {
		int32_t code;
		enum rule_effect effect;
	} effects[] = {{NF_ACCEPT, RULE_ACCEPTS},
		       {NF_DROP, RULE_DROPS},
		       {NFT_JUMP, RULE_JUMPS},
		       {NFT_GOTO, RULE_GOES},
		       {NFT_RETURN, RULE_RETURNS}};

	for (size_t i = 0; i < ARRAY_SIZE(effects); i++)
		if (effects[i].code == code)
			machine->judged.effect = effects[i].effect;
	if (chain)
		nla_strlcpy(machine->judged.chain, chain, sizeof(machine->judged.chain));
}

static void immediate_run(struct machine *machine, struct nlattr **attrs)
{
	struct nlattr *data[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];

	if (!attrs[NFTA_IMMEDIATE_DATA] ||
	    nla_parse_nested(data, NFTA_DATA_MAX, attrs[NFTA_IMMEDIATE_DATA], NULL) < 0)
		return;
	if (data[NFTA_DATA_VALUE])
		load(machine, be_u32(attrs[NFTA_IMMEDIATE_DREG]),
		     nla_data(data[NFTA_DATA_VALUE]), nla_len(data[NFTA_DATA_VALUE]));
	else if (data[NFTA_DATA_VERDICT] &&
		 nla_parse_nested(verdict, NFTA_VERDICT_MAX, data[NFTA_DATA_VERDICT],
				  NULL) == 0)
		verdict_set(machine, (int32_t)be_u32(verdict[NFTA_VERDICT_CODE]),
			    verdict[NFTA_VERDICT_CHAIN]);
}

static void xt_conntrack_run(struct machine *machine, const struct nlattr *info)
{
	const struct xt_conntrack_mtinfo3 *match = nla_data(info);
	unsigned int bit = XT_CONNTRACK_STATE_BIT(
		machine->packet->is_answer ? IP_CT_ESTABLISHED : IP_CT_NEW);

	if (nla_len(info) < (int)sizeof(*match) ||
	    match->match_flags & ~(unsigned int)XT_CONNTRACK_STATE)
		unjudged(machine);
	else if (match->match_flags &&
		 ((match->state_mask & bit) != 0) ==
			 ((match->invert_flags & XT_CONNTRACK_STATE) != 0))
		machine->differs = true;
}

static void xt_mark_run(struct machine *machine, const struct nlattr *info)
{
	const struct xt_mark_mtinfo1 *match = nla_data(info);

	if (nla_len(info) < (int)sizeof(*match))
		unjudged(machine);
	else if ((match->mark == 0) == (match->invert != 0))
		machine->differs = true;
}

/* A match of iptables. */
static void match_run(struct machine *machine, struct nlattr **attrs)
{
	const struct nlattr *name = attrs[NFTA_MATCH_NAME],
			    *info = attrs[NFTA_MATCH_INFO];

	if (!name || !info)
		unjudged(machine);
	else if (nla_strcmp(name, "conntrack") == 0 && be_u32(attrs[NFTA_MATCH_REV]) == 3)
		xt_conntrack_run(machine, info);
	else if (nla_strcmp(name, "mark") == 0 && be_u32(attrs[NFTA_MATCH_REV]) == 1)
		xt_mark_run(machine, info);
	else if (nla_strcmp(name, "set") == 0)
		machine->judged.unsure = true;
	else if (nla_strcmp(name, "comment") != 0)
		unjudged(machine);
}

static void reject_run(struct machine *machine, struct nlattr **attrs)
{
	(void)attrs;
	machine->judged.effect = RULE_DROPS;
}

/* A target of iptables. */
static void target_run(struct machine *machine, struct nlattr **attrs)
{
	if (attrs[NFTA_TARGET_NAME] &&
	    (nla_strcmp(attrs[NFTA_TARGET_NAME], "REJECT") == 0 ||
	     nla_strcmp(attrs[NFTA_TARGET_NAME], "DROP") == 0))
		machine->judged.effect = RULE_DROPS;
}

static void nothing_run(struct machine *machine, struct nlattr **attrs)
{
	(void)machine;
	(void)attrs;
}

/* Any expression that isn't in here may match, or not. */
static const struct {
	const char *name;
	void (*run)(struct machine *machine, struct nlattr **attrs);
} expressions_known[] = {
	{"meta", meta_run},	  {"ct", ct_run},	    {"payload", payload_run},
	{"bitwise", bitwise_run}, {"cmp", cmp_run},	    {"immediate", immediate_run},
	{"range", range_run},	  {"lookup", lookup_run},   {"match", match_run},
	{"target", target_run},	  {"reject", reject_run},   {"counter", nothing_run},
	{"log", nothing_run},	  {"notrack", nothing_run},
};

#define EXPRESSION_ATTRS 16 /* as many as any of those has */

static void expression_run(struct machine *machine, struct nlattr *expression)
{
	struct nlattr *parts[NFTA_EXPR_MAX + 1], *attrs[EXPRESSION_ATTRS + 1] = {};
	bool is_read = nla_parse_nested(parts, NFTA_EXPR_MAX, expression, NULL) == 0 &&
		       parts[NFTA_EXPR_NAME] &&
		       (!parts[NFTA_EXPR_DATA] ||
			nla_parse_nested(attrs, EXPRESSION_ATTRS, parts[NFTA_EXPR_DATA],
					 NULL) == 0);

	for (size_t i = 0; is_read && i < ARRAY_SIZE(expressions_known); i++)
		if (nla_strcmp(parts[NFTA_EXPR_NAME], expressions_known[i].name) == 0) {
			expressions_known[i].run(machine, attrs);
			return;
		}
	unjudged(machine);
}

struct rule_judged rule_judge(struct nlattr *expressions,
			      const struct forwarded_packet *packet)
{
	struct machine machine = {.packet = packet};
	struct nlattr *expression;
	int left;

	if (!expressions)
		return machine.judged;
	nla_for_each_nested(expression, expressions, left) {
		expression_run(&machine, expression);
		if (machine.differs)
			return (struct rule_judged){};
	}
	return machine.judged;
}
