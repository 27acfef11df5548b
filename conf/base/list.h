/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists that grow. A list is a structure with "T *items; size_t n;" that owns the array.
 * It begins as zeros. */
#ifndef BRIDGE_CNI_CONF_BASE_LIST_H
#define BRIDGE_CNI_CONF_BASE_LIST_H

#include <stdlib.h>
#include <string.h>

/*
 * Adds an item of zeros to the end of the list that @list points to. Gives a pointer to
 * the item, which is good until the list grows again; or NULL where memory ran out, and
 * then the list is as it was.
 */
#define LIST_ADD(list)                                                       \
	({                                                                   \
		__typeof__(list) list_add_to = (list);                       \
		__typeof__(list_add_to->items) list_add_item =               \
			reallocarray(list_add_to->items, list_add_to->n + 1, \
				     sizeof(*list_add_to->items));           \
		if (list_add_item) {                                         \
			list_add_to->items = list_add_item;                  \
			list_add_item += list_add_to->n++;                   \
			memset(list_add_item, 0, sizeof(*list_add_item));    \
		}                                                            \
		list_add_item;                                               \
	})

#endif
