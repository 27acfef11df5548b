/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deletions of rules, and of the chains that are their owner's own, as nft's commands. */
#ifndef BRIDGE_CNI_PLUGIN_NFT_RULE_DELETIONS_H
#define BRIDGE_CNI_PLUGIN_NFT_RULE_DELETIONS_H

#include <stdint.h>

#include "conf/base/text.h"
#include "plugin/netlink/nf_tables.h"

/* Begins as zeros. */
struct rule_deletions {
	struct text rules, chains; /* commands, a line each; owned */
	char chain[NFT_NAME_MAX]; /* the last one in @chains */
};
void rule_deletions_clear(struct rule_deletions *deletions);

/* Adds a rule, and its chain where that is an owner's own. All rules of a chain are added
 * one behind the other, as the kernel lists them. @family: nft's word. */
void rule_deletions_add(struct rule_deletions *deletions, const char *family,
			const char *chain, uint64_t handle);

/* Forgets all of them, as a list begins again. */
void rule_deletions_reset(struct rule_deletions *deletions);

/* Adds the commands to @text: rules go first, as a chain to which one jumps can't be
 * deleted. */
void rule_deletions_write(const struct rule_deletions *deletions, struct text *text);

#endif
