/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the kernel what sets and maps of other programs have. Each question is asked once,
 * however many rules look into the set. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_SET_ANSWER_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_SET_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nf_tables_element.h"

struct netlink;

struct nft_set_answer {
	int has; /* 1: the set has the key; 0: it hasn't; < 0: that isn't known */
	size_t key_len; /* of the set's keys; 0: it isn't known */
	bool has_verdict; /* the set is a map of verdicts */
	int32_t code; /* the verdict, as the kernel codes it */
	char *chain; /* that it leads to; NULL: none */
};

/* Begins as zeros. */
struct nft_set_answers {
	void *items; /* tsearch(3) */
};
void nft_set_answers_clear(struct nft_set_answers *answers);

/* Where a rule is, and how its sets are asked. */
struct rule_place {
	struct netlink *nl;
	struct nft_set_answers *answers;
	int family; /* NFPROTO_INET, … */
	const char *table;
};

/* Looks a key up in a set; one of no length asks for the length of the set's keys. NULL:
 * memory ran out. The answers own what is given. */
const struct nft_set_answer *nft_set_ask(const struct rule_place *place, const char *set,
					 const struct nft_value *key);

#endif
