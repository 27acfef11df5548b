/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the commands. */
#include "rule_deletions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules_owner.h"

void rule_deletions_clear(struct rule_deletions *deletions)
{
	free(deletions->rules.text);
	free(deletions->chains.text);
	*deletions = (struct rule_deletions){};
}

void rule_deletions_add(struct rule_deletions *deletions, const char *family,
			const char *chain, uint64_t handle)
{
	uint64_t owner;

	text_add(&deletions->rules,
		 "delete rule %s " RULES_TABLE " %s handle %" PRIu64 "\n", family, chain,
		 handle);
	if (!rules_name_owner(chain, &owner) || strcmp(chain, deletions->chain) == 0)
		return;
	snprintf(deletions->chain, sizeof(deletions->chain), "%s", chain);
	text_add(&deletions->chains, "delete chain %s " RULES_TABLE " %s\n", family,
		 chain);
}

void rule_deletions_reset(struct rule_deletions *deletions)
{
	text_cut(&deletions->rules, 0);
	text_cut(&deletions->chains, 0);
	deletions->chain[0] = '\0';
}

void rule_deletions_write(const struct rule_deletions *deletions, struct text *text)
{
	text_append(text, &deletions->rules);
	text_append(text, &deletions->chains);
}
