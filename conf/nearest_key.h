/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The known key, or other word, that somebody meant who misspelled it. */
#ifndef BRIDGE_CNI_CONF_NEAREST_KEY_H
#define BRIDGE_CNI_CONF_NEAREST_KEY_H

#include <stddef.h>

struct json_type;

#define NEAREST_KEY_MAX 40 /* bytes; a longer key is near no known one */

/*
 * How many letters have to be changed, inserted, left out or swapped with their neighbour
 * to make one text of the other (optimal string alignment). Case doesn't count. Neither
 * text is longer than NEAREST_KEY_MAX.
 */
size_t key_distance(const char *a, const char *b);

/*
 * A word, and the nearest of the known ones that it was compared with. Near is what
 * differs in at most two letters, and in less than half of the longer one's: "mac" isn't
 * meant to be "mtu". Of several that are equally near the first is taken.
 */
struct nearest {
	const char *word; /* none of the known ones; borrowed */
	const char *found; /* NULL: none is near */
	size_t distance; /* of @found */
};
struct nearest nearest_begin(const char *word);
void nearest_compare(struct nearest *nearest, const char *known);

/* Finds the key of the tables that is nearest to @key, which no table has. NULL: none is
 * near. */
const char *nearest_key(const char *key, const struct json_type *const *tables, size_t n);

#endif
