/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Goes through a rule's expressions, and takes the verdict. */
#include "nf_tables_match.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <stdio.h>
#include <string.h>

#include "nf_tables_machine.h"
#include "xt_match.h"

size_t register_at(uint32_t number)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (size_t)number * 4 * REGISTER_SIZE;
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		return (4 + number - NFT_REG32_00) * REGISTER_SIZE;
	return 0;
}

size_t register_room(size_t at, size_t len)
{
	size_t left = REGISTERS * REGISTER_SIZE - at;

	return len < left ? len : left;
}

void register_load(struct machine *machine, uint32_t number, const void *bytes,
		   const uint8_t *known, size_t len)
{
	size_t at = register_at(number);

	len = register_room(at, len);
	memcpy(machine->bytes + at, bytes, len);
	if (known)
		memcpy(machine->known + at, known, len);
	else
		memset(machine->known + at, KNOWN, len);
}

void register_load_unknown(struct machine *machine, uint32_t number)
{
	size_t at = register_at(number);

	machine->judged.of_some = true;
	memset(machine->known + at, KNOWN_NOT, register_room(at, 4 * REGISTER_SIZE));
}

enum known register_known(const struct machine *machine, size_t at, size_t len)
{
	enum known least = KNOWN;

	for (size_t i = 0; i < len; i++) {
		if (machine->known[at + i] == KNOWN_NOT)
			return KNOWN_NOT;
		if (machine->known[at + i] != KNOWN && least != KNOWN_EXAMPLE)
			least = machine->known[at + i];
	}
	return least;
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
	uint8_t result[4 * REGISTER_SIZE], known[4 * REGISTER_SIZE];

	if (!mask || !xor || len > sizeof(result) || nla_len(mask) < (int)len ||
	    nla_len(xor) < (int)len || register_room(at, len) < len ||
	    !register_known(machine, at, len)) {
		register_load_unknown(machine, to);
		return;
	}
	for (size_t i = 0; i < len; i++)
		known[i] = machine->known[at + i] == KNOWN ? KNOWN : KNOWN_PART;
	for (size_t i = 0; i < len; i++)
		result[i] = (machine->bytes[at + i] & ((uint8_t *)nla_data(mask))[i]) ^
			    ((uint8_t *)nla_data(xor))[i];
	register_load(machine, to, result, known, len);
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

/* A whole address is that of one among many: a rule that asks for it is about some
 * packets, and one that asks for any other is about most of them. */
static bool is_one_of_many(const struct machine *machine, size_t at, size_t len)
{
	return len >= ip_size(machine->packet->from.family) &&
	       register_known(machine, at, len) == KNOWN_EXAMPLE;
}

static void cmp_run(struct machine *machine, struct nlattr **attrs)
{
	const struct nlattr *value = data_value(attrs[NFTA_CMP_DATA]);
	size_t at = register_at(be_u32(attrs[NFTA_CMP_SREG]));
	size_t len = value ? (size_t)nla_len(value) : 0;
	uint32_t op = be_u32(attrs[NFTA_CMP_OP]);
	int cmp;

	if (!value || register_room(at, len) < len || !register_known(machine, at, len)) {
		machine->judged.unsure = true;
		return;
	}
	cmp = memcmp(machine->bytes + at, nla_data(value), len);
	if (cmp == 0 && op <= NFT_CMP_NEQ && is_one_of_many(machine, at, len)) {
		if (op == NFT_CMP_EQ)
			unjudged(machine);
	} else if (!holds(op, cmp)) {
		machine->differs = true;
	}
}

static void range_run(struct machine *machine, struct nlattr **attrs)
{
	const struct nlattr *from = data_value(attrs[NFTA_RANGE_FROM_DATA]),
			    *to = data_value(attrs[NFTA_RANGE_TO_DATA]);
	size_t at = register_at(be_u32(attrs[NFTA_RANGE_SREG]));
	size_t len = from ? (size_t)nla_len(from) : 0;

	if (!from || !to || nla_len(to) != nla_len(from) ||
	    register_room(at, len) < len || !register_known(machine, at, len))
		machine->judged.unsure = true;
	else if ((memcmp(machine->bytes + at, nla_data(from), len) >= 0 &&
		  memcmp(machine->bytes + at, nla_data(to), len) <= 0) !=
		 (be_u32(attrs[NFTA_RANGE_OP]) == NFT_RANGE_EQ))
		machine->differs = true;
}

void verdict_set(struct machine *machine, int32_t code, const char *chain)
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
		snprintf(machine->judged.chain, sizeof(machine->judged.chain), "%s",
			 chain);
}

static void immediate_run(struct machine *machine, struct nlattr **attrs)
{
	struct nlattr *data[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];

	if (!attrs[NFTA_IMMEDIATE_DATA] ||
	    nla_parse_nested(data, NFTA_DATA_MAX, attrs[NFTA_IMMEDIATE_DATA], NULL) < 0)
		return;
	if (data[NFTA_DATA_VALUE])
		register_load(machine, be_u32(attrs[NFTA_IMMEDIATE_DREG]),
			      nla_data(data[NFTA_DATA_VALUE]), NULL,
			      nla_len(data[NFTA_DATA_VALUE]));
	else if (data[NFTA_DATA_VERDICT] &&
		 nla_parse_nested(verdict, NFTA_VERDICT_MAX, data[NFTA_DATA_VERDICT],
				  NULL) == 0)
		verdict_set(machine, (int32_t)be_u32(verdict[NFTA_VERDICT_CODE]),
			    verdict[NFTA_VERDICT_CHAIN]
				    ? nla_data(verdict[NFTA_VERDICT_CHAIN])
				    : NULL);
}

/* A match of iptables. */
static void match_run(struct machine *machine, struct nlattr **attrs)
{
	const struct nlattr *name = attrs[NFTA_MATCH_NAME],
			    *info = attrs[NFTA_MATCH_INFO];
	enum xt_matched does = name && info ? xt_match(machine->packet, nla_data(name),
						       be_u32(attrs[NFTA_MATCH_REV]),
						       nla_data(info), nla_len(info))
					    : XT_OF_SOME;

	machine->differs |= does == XT_DIFFERS;
	machine->judged.unsure |= does == XT_UNSURE;
	if (does == XT_OF_SOME)
		unjudged(machine);
}

static void reject_run(struct machine *machine, struct nlattr **attrs)
{
	(void)attrs;
	machine->judged.effect = RULE_DROPS;
}

/* The packet is translated, or goes to a program that judges it: no rule behind this one
 * sees it. */
static void leave_run(struct machine *machine, struct nlattr **attrs)
{
	(void)attrs;
	machine->judged.effect = RULE_ACCEPTS;
}

/* A target of iptables. */
static void target_run(struct machine *machine, struct nlattr **attrs)
{
	const char *name = attrs[NFTA_TARGET_NAME] ? nla_data(attrs[NFTA_TARGET_NAME])
						   : "";

	machine->judged.effect = xt_effect(name);
	machine->judged.marks = xt_marks(name);
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
	{"log", nothing_run},	  {"notrack", nothing_run}, {"nat", leave_run},
	{"masq", leave_run},	  {"redir", leave_run},	    {"queue", leave_run},
	{"fib", fib_run},
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

struct rule_judged rule_judge(const struct rule_place *place, struct nlattr *expressions,
			      const struct packet *packet)
{
	struct machine machine = {.packet = packet, .place = place};
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
