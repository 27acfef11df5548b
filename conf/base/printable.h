/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes text from outside (names, paths, other programs' words) fit for a terminal or a
 * log. Control characters, newlines included, and bytes that are not UTF-8 are spelled
 * \x1b. JSON has its own escapes.
 */
#ifndef BRIDGE_CNI_CONF_BASE_PRINTABLE_H
#define BRIDGE_CNI_CONF_BASE_PRINTABLE_H

#include <stdarg.h>

#include "text.h"

/* Bytes of the longest character as it is printed, with the NUL: a control character of
 * two bytes, such as \xc2\x85. */
#define PRINTABLE_MAX 9

/* The character at *@text as it is printed, into @ret_chars, and moves *@text behind it.
 * How many bytes that are; 0 at the end of the text. */
size_t printable_next(const char **text, char ret_chars[PRINTABLE_MAX]);

/* Adds @outside to @text, so spelled. */
void text_add_printable(struct text *text, const char *outside);

/* Gives @outside, or what is formatted, so spelled; the caller frees it. NULL: out of
 * memory. */
char *printable_copy(const char *outside);
char *printable_format(const char *fmt, va_list args) _printf_(1, 0);

#endif
