/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A short array, which is empty on most clusters. */
#include "former_ranges.h"

#include <stdlib.h>
#include <string.h>

#include "conf/base/clock.h"
#include "conf/base/list.h"

void former_ranges_clear(struct former_ranges *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].node);
	free(list->items);
	*list = (struct former_ranges){};
}

void former_ranges_prune(struct former_ranges *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i].over)
			free(list->items[i].node);
		else
			list->items[kept++] = list->items[i];
	}
	list->n = kept;
}

void former_ranges_add(struct former_ranges *list, const char *node,
		       const struct ip_prefix *cidr, const struct ip_addr *gateway)
{
	struct former_range *item;
	char *name;

	for (size_t i = 0; i < list->n; i++)
		list->items[i].over |= prefix_equal(&list->items[i].cidr, cidr) &&
				       strcmp(list->items[i].node, node) == 0;
	if (list->n == FORMER_RANGES_MAX)
		list->items[0].over = true;
	former_ranges_prune(list);
	name = strdup(node);
	item = name ? LIST_ADD(list) : NULL;
	if (!item) {
		free(name);
		return;
	}
	item->node = name;
	item->cidr = *cidr;
	item->gateway = *gateway;
	item->since = now_ms();
}
