/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks the kernel whether the set or map of a rule has what a register has. An anonymous
 * one is a part of its rule, as "ct state { new, established }". Named ones change while
 * the rule stays: that such a one has the key leaves the rule unsure.
 */
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "nf_tables_machine.h"
#include "nf_tables_set_answer.h"

static bool is_anonymous(const struct nlattr *set)
{
	const char *name = nla_data(set);

	return strncmp(name, "__set", strlen("__set")) == 0 ||
	       strncmp(name, "__map", strlen("__map")) == 0;
}

static void unread(struct machine *machine, struct nlattr **attrs)
{
	machine->judged.unsure = true;
	if (attrs[NFTA_LOOKUP_DREG] && !be_u32(attrs[NFTA_LOOKUP_DREG]))
		machine->judged.effect = RULE_ANYTHING; /* NFT_REG_VERDICT */
	else if (attrs[NFTA_LOOKUP_DREG])
		register_load_unknown(machine, be_u32(attrs[NFTA_LOOKUP_DREG]));
}

/* The key is the set's, or it isn't: that says all where it is known, and the set can't
 * change. Where it is the address of one of many pods, the set has some of them. */
static void found_take(struct machine *machine, struct nlattr **attrs, bool matches,
		       bool is_sure, enum known known)
{
	if (matches && is_sure && known == KNOWN)
		return;
	if (!matches && known == KNOWN) {
		machine->differs = true;
		return;
	}
	unread(machine, attrs);
	if (!matches)
		unjudged(machine);
}

static const struct nft_set_answer *ask(const struct machine *machine, const char *set,
					size_t at, size_t len)
{
	struct nft_value key = {.len = len};

	memcpy(key.bytes, machine->bytes + at, len);
	return nft_set_ask(machine->place, set, &key);
}

/* Looks up the key that begins in the registers at @at. NULL: it isn't known. */
static const struct nft_set_answer *
look_up(const struct machine *machine, const char *set, size_t at, enum known *ret_known)
{
	const struct nft_set_answer *answer = NULL;
	size_t len = 0;

	/* The first byte tells of most of them: the kernel needn't be asked then. */
	if (machine->known[at] != KNOWN_NOT)
		answer = ask(machine, set, at, 0);
	if (answer)
		len = answer->key_len;
	if (len == 0 || len > NFT_VALUE_MAX || register_room(at, len) < len)
		return NULL;
	*ret_known = register_known(machine, at, len);
	answer = *ret_known == KNOWN_NOT ? NULL : ask(machine, set, at, len);
	return answer && answer->has >= 0 ? answer : NULL;
}

void lookup_run(struct machine *machine, struct nlattr **attrs)
{
	const struct nlattr *set = attrs[NFTA_LOOKUP_SET];
	bool inverted = be_u32(attrs[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV;
	bool to_register = attrs[NFTA_LOOKUP_DREG] && be_u32(attrs[NFTA_LOOKUP_DREG]);
	enum known known = KNOWN_NOT;
	const struct nft_set_answer *answer =
		set && !to_register
			? look_up(machine, nla_data(set),
				  register_at(be_u32(attrs[NFTA_LOOKUP_SREG])), &known)
			: NULL;

	if (!answer) {
		unread(machine, attrs);
		return;
	}
	if (answer->has_verdict)
		verdict_set(machine, answer->code, answer->chain);
	found_take(machine, attrs, (answer->has != 0) != inverted, is_anonymous(set),
		   known);
}
