/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of a table, as one stage of one owner sees them. For rules.c alone. */
#ifndef BRIDGE_CNI_PLUGIN_NFT_RULES_COMPARE_H
#define BRIDGE_CNI_PLUGIN_NFT_RULES_COMPARE_H

#include "rule_list.h"

struct stale {
	char chain[NFT_NAME_MAX];
	uint64_t handle;
};

struct comparison {
	const char *stage;
	uint64_t owner, by_name;
	struct rule_list *wanted;
	const char *glance; /* only this chain is looked at; NULL: all are */
	struct stale *stale; /* the stage's rules that are not wanted */
	size_t stale_n;
	bool newer; /* a newer version's rules are there */
	/* An earlier version's rules (rules_by_name.h) are not the stage's to replace. */
	bool keep_by_name;
	size_t by_name_n, by_name_others_n; /* so many: the stage's, and other stages' */
	bool emptied; /* a set lacks its sentinel */
	size_t rules_n; /* rules that the table has */
	struct rules_seen
		*keep; /* the rules that are read are kept here; NULL: nowhere */
	/* A rule that is wanted comes before one that it has to follow. */
	const struct rule *disordered;
	/* the transaction also deleted other owners' rules, which nobody needs */
	bool retires;
};

void comparison_clear(struct comparison *comparison);

/* Reads the table's rules. Which of the wanted ones are there is noted in the list. Codes
 * 100, 101. */
int comparison_read(struct attachment *att, struct comparison *comparison,
		    struct cni_error *err);

/* The same where a stage only wants to know whether there is anything to do: an ADD may
 * have read the rules for an earlier stage (plugin/attachment/rules_seen.h). */
int comparison_read_first(struct attachment *att, struct comparison *comparison,
			  struct cni_error *err);

/* Makes missing, and stale, all rules of a chain whose rules depend on their order, where
 * one of them is missing or in the wrong place. -ENOMEM. */
int comparison_regroup(struct comparison *comparison);

/* Is nothing to be changed? */
bool comparison_is_settled(const struct comparison *comparison);

#endif
