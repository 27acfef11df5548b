/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that grows. */
#ifndef BRIDGE_CNI_CONF_BASE_TEXT_H
#define BRIDGE_CNI_CONF_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

/* Begins as zeros. */
struct text {
	char *text; /* NULL: nothing was added, or no memory; owned */
	size_t len, size;
	bool failed; /* memory ran out: something is missing, and it may lack its NUL */
};

/* Add to the end. What there is no memory for is left out, and @failed is set. */
void text_add(struct text *text, const char *fmt, ...) _printf_(2, 3);
void text_put(struct text *text, const char *bytes, size_t n);
/* Adds all of @more, which stays; where something is missing in that, it is here, too. */
void text_append(struct text *text, const struct text *more);
/* Removes all that is behind the first @len bytes, and what a failed text_add() left
 * there. */
void text_cut(struct text *text, size_t len);

static inline void text_clear(struct text *text)
{
	free(text->text);
	*text = (struct text){};
}

#endif
