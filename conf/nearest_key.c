/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares a word with known ones, by the edits that lead from one to the other. */
#include "nearest_key.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "conf/json/json_table.h"

#define LETTERS_MAX 2 /* letters by which a key may differ from the one that is meant */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t key_distance(const char *a, const char *b)
{
	size_t len = strlen(b), rows[3][NEAREST_KEY_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	assert(len <= NEAREST_KEY_MAX);
	for (size_t j = 0; j <= len; j++)
		above[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t *free_row = before;
		int c = tolower((unsigned char)a[i - 1]);

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			int d = tolower((unsigned char)b[j - 1]);

			row[j] = least(above[j - 1] + (c != d),
				       1 + least(above[j], row[j - 1]));
			if (i > 1 && j > 1 && c == tolower((unsigned char)b[j - 2]) &&
			    d == tolower((unsigned char)a[i - 2]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = free_row;
	}
	return above[len];
}

/* More than half of the longer name is as it should be. */
static size_t tolerance(size_t len, size_t other)
{
	size_t longer = len > other ? len : other;

	return least(LETTERS_MAX, (longer - 1) / 2);
}

struct nearest nearest_begin(const char *word)
{
	return (struct nearest){.word = word, .distance = LETTERS_MAX + 1};
}

void nearest_compare(struct nearest *nearest, const char *known)
{
	size_t len = strlen(nearest->word), other = strlen(known), d;

	if (len == 0 || len > NEAREST_KEY_MAX || other > NEAREST_KEY_MAX ||
	    other > len + LETTERS_MAX || len > other + LETTERS_MAX)
		return;
	d = key_distance(nearest->word, known);
	if (d < nearest->distance && d <= tolerance(len, other)) {
		nearest->distance = d;
		nearest->found = known;
	}
}

const char *nearest_key(const char *key, const struct json_type *const *tables, size_t n)
{
	struct nearest nearest = nearest_begin(key);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < tables[i]->n_fields; k++)
			nearest_compare(&nearest, tables[i]->fields[k].key);
	return nearest.found;
}
