/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "printable.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* ASCII's control characters, and Latin-1's: U+0080 to U+009F, to which terminals listen,
 * too. */
static bool is_control(const unsigned char *c)
{
	return c[0] < ' ' || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

size_t printable_next(const char **text, char ret_chars[PRINTABLE_MAX])
{
	const unsigned char *c = (const unsigned char *)*text;
	size_t n = utf8_char_len(*text, strnlen(*text, 4)), len = 0;
	bool plain = n > 0 && !is_control(c);

	if (!*c)
		return 0;
	if (n == 0)
		n = 1;
	if (plain)
		memcpy(ret_chars, c, len = n);
	for (size_t i = 0; !plain && i < n; i++)
		len += snprintf(ret_chars + len, PRINTABLE_MAX - len, "\\x%02x", c[i]);
	*text += n;
	return len;
}

void text_add_printable(struct text *text, const char *outside)
{
	char chars[PRINTABLE_MAX];
	size_t n;

	while ((n = printable_next(&outside, chars)) > 0)
		text_put(text, chars, n);
}

char *printable_copy(const char *outside)
{
	struct text text = {};

	/* An empty text needs memory as well: NULL means that there was none. */
	text_put(&text, "", 0);
	text_add_printable(&text, outside);
	if (!text.failed)
		return text.text;
	free(text.text);
	return NULL;
}

char *printable_format(const char *fmt, va_list args)
{
	_cleanup_(free_p) char *outside = NULL;

	if (vasprintf(&outside, fmt, args) < 0) {
		outside = NULL;
		return NULL;
	}
	return printable_copy(outside);
}
