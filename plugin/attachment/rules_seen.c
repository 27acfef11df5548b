/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps the rules in a list. */
#include "rules_seen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/base/list.h"

void rules_seen_free(struct rules_seen *seen)
{
	if (seen)
		free(seen->items);
	free(seen);
}

void rules_seen_keep(struct rules_seen **seen)
{
	if (!*seen)
		*seen = calloc(1, sizeof(**seen));
}

int rules_seen_note(struct rules_seen *seen, const char *chain, uint64_t handle,
		    const char *comment)
{
	struct seen_rule *added;

	if (handle == 0) {
		seen->n = 0;
		return 0;
	}
	added = LIST_ADD(seen);
	if (!added)
		return -ENOMEM;
	added->handle = handle;
	snprintf(added->chain, sizeof(added->chain), "%s", chain);
	snprintf(added->comment, sizeof(added->comment), "%s", comment);
	return 0;
}

bool rules_seen_serve(const struct rules_seen *seen, unsigned int gaps)
{
	return seen->known && seen->gaps == gaps;
}

int rules_seen_each(const struct rules_seen *seen, nft_rule_fn fn, void *data)
{
	int ret = fn("", 0, "", data);

	for (size_t i = 0; ret == 0 && i < seen->n; i++)
		ret = fn(seen->items[i].chain, seen->items[i].handle,
			 seen->items[i].comment, data);
	return ret;
}
