/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the table inet bridge_cni, read once in an ADD for all stages that have
 * rules there: reading them takes longer than all else that such a stage does while
 * nothing is missing. Only the rules are kept that concern the ADD's owner, so that there
 * are few, however many networks the node has.
 */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_RULES_SEEN_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_RULES_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin/netlink/nf_tables.h"

#define SEEN_CHAIN_MAX 48 /* of a chain's name, with the NUL; longer ones are cut */

struct rules_seen {
	struct seen_rule {
		char chain[SEEN_CHAIN_MAX];
		uint64_t handle;
		char comment[NFT_COMMENT_MAX];
	} * items;
	size_t n;
	bool known; /* the rules have been read */
	unsigned int gaps; /* of the node's lock, at that time */
};

void rules_seen_free(struct rules_seen *seen);

/* Makes the list that the next stage is to fill, unless there is one. Where memory is
 * short there is none. */
void rules_seen_keep(struct rules_seen **seen);

/* Notes a rule, or with @handle 0 that the list begins. -ENOMEM. */
int rules_seen_note(struct rules_seen *seen, const char *chain, uint64_t handle,
		    const char *comment);

/* Are they known, and was the node's lock never free since? Else another operation may
 * have changed them. @gaps: of the node, now. */
bool rules_seen_serve(const struct rules_seen *seen, unsigned int gaps);

/* Hands the kept rules to @fn, in order, as nft_table_rules() does. */
int rules_seen_each(const struct rules_seen *seen, nft_rule_fn fn, void *data);

#endif
