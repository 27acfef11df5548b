/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

#define TEXT_MIN 256 /* bytes: most rules have room in that */

/* Makes room for @n more bytes and the NUL. False: memory ran out, and @failed is set. */
static bool reserve(struct text *text, size_t n)
{
	size_t size = 2 * text->size + n + TEXT_MIN;
	char *grown;

	if (text->size - text->len > n)
		return true;
	grown = realloc(text->text, size);
	if (!grown) {
		text->failed = true;
		return false;
	}
	text->text = grown;
	text->size = size;
	return true;
}

void text_put(struct text *text, const char *bytes, size_t n)
{
	if (!reserve(text, n))
		return;
	memcpy(text->text + text->len, bytes, n);
	text->len += n;
	text->text[text->len] = '\0';
}

void text_append(struct text *text, const struct text *more)
{
	if (more->len)
		text_put(text, more->text, more->len);
	text->failed |= more->failed;
}

void text_cut(struct text *text, size_t len)
{
	if (len > text->len || !text->text)
		return;
	text->len = len;
	text->text[len] = '\0';
}

void text_add(struct text *text, const char *fmt, ...)
{
	va_list args, again;
	size_t room = text->size - text->len;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = format_text(room ? text->text + text->len : NULL, room, fmt, args);
	if (len < 0)
		text->failed = true;
	else if ((size_t)len < room)
		text->len += len;
	else if (reserve(text, len))
		text->len += format_text(text->text + text->len, len + 1, fmt, again);
	va_end(again);
	va_end(args);
}
