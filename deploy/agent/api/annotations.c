/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts lie one behind the other, so that a Node needs one small block for all of its. */
#include "annotations.h"

#include <assert.h>
#include <string.h>

size_t annotation_names_find(const struct annotation_names *names, const char *name)
{
	size_t i = 0;

	while (i < names->n && strcmp(names->items[i], name) != 0)
		i++;
	return i;
}

void annotation_texts_set(struct annotation_texts *texts, size_t index, const char *text)
{
	size_t size = strlen(text) + 1;

	assert(texts->n <= index && index < ANNOTATION_NAMES_MAX);
	assert(size <= ANNOTATION_MAX + 1);
	for (; texts->n < index; texts->n++)
		texts->bytes[texts->len++] = '\0';
	texts->bytes[texts->len++] = '=';
	memcpy(texts->bytes + texts->len, text, size);
	texts->len += size;
	texts->n++;
}

const char *annotation_text(const char *bytes, size_t len, size_t index)
{
	size_t at = 0;

	for (; index > 0 && at < len; index--)
		at += strlen(bytes + at) + 1;
	return at < len && bytes[at] == '=' ? bytes + at + 1 : NULL;
}
