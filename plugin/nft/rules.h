/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An owner's rules in the tables bridge_cni (families inet and, against spoofing,
 * bridge). The owner's pods share them, so that they are constant in number;
 * identity_owner() says who is an owner. Each rule has a comment (rules_owner.h), which
 * says whose it is, and has a fingerprint of what the rule says: one short look tells
 * whether anything is to be done.
 */
#ifndef BRIDGE_CNI_PLUGIN_NFT_RULES_H
#define BRIDGE_CNI_PLUGIN_NFT_RULES_H

#include "rule_list.h"

/*
 * Makes the rules that @stage (its name) has for the owner be those in @wanted, all at
 * once; with an empty list, none. Takes the node lock exclusively only where something is
 * to be changed. Rules that a newer version of this program wrote are left as they are.
 * Codes 11, 101, 105.
 */
int rules_ensure(struct attachment *att, const char *stage, struct rule_list *wanted,
		 struct cni_error *err);

/* Only looks whether rules_ensure() would have something to do; settled: it wouldn't.
 * Code 101. */
int rules_compare(struct attachment *att, const char *stage, struct rule_list *wanted,
		  bool *ret_settled, struct cni_error *err);

/* Code 104 naming the rule that is missing, or says something else than @wanted. */
int rules_check(struct attachment *att, const char *stage, struct rule_list *wanted,
		struct cni_error *err);

/* How many of the rules that are wanted are there. */
struct rules_state {
	size_t expected, present;
	struct text missing; /* a line "CHAIN: RULE" for each of the others; owned */
};

/* Counts for `bridge-cni show`. Code 101. */
int rules_look(struct attachment *att, const char *stage, struct rule_list *wanted,
	       struct rules_state *ret_state, struct cni_error *err);

#endif
