/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In a sorted list what can be joined is side by side. */
#include "prefix_join.h"

#include "deploy/agent/base/byte_sort.h"

/* Are @low and @high, in this order, which lie apart, the two halves of one prefix? */
static bool are_halves(const struct ip_prefix *low, const struct ip_prefix *high)
{
	struct ip_prefix whole = {low->addr, low->len - 1};

	return low->len == high->len && low->len > 1 &&
	       prefix_contains(&whole, &high->addr);
}

void prefix_join(struct prefix_list *list)
{
	struct ip_prefix *all = list->items;
	size_t kept = 0;

	byte_sort(all, list->n, sizeof(*all), 0, sizeof(*all));
	for (size_t i = 0; i < list->n; i++) {
		/* A wider prefix sorts before those that it covers. */
		if (kept && prefix_contains(&all[kept - 1], &all[i].addr))
			continue;
		all[kept++] = all[i];
		while (kept > 1 && are_halves(&all[kept - 2], &all[kept - 1])) {
			kept--;
			all[kept - 1].len--;
		}
	}
	list->n = kept;
}
