/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads UTF-8 by the table in RFC 3629, section 4: no overlong forms, no surrogates. */
#include "utf8.h"

#include <stdbool.h>
#include <string.h>

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t utf8_char_len(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (!is_tail(s[i]))
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void utf8_mend(char *text)
{
	size_t left = strlen(text), n;

	for (; left > 0; text += n, left -= n) {
		n = utf8_char_len(text, left);
		if (n > 0)
			continue;
		*text = '?';
		n = 1;
	}
}

size_t utf8_cut(const char *text, size_t len)
{
	size_t start = len;

	/* Back to the first byte of the last character, which may be whole or not. */
	while (start > 0 && len - start < 3 && is_tail(text[start - 1]))
		start--;
	if (start == 0)
		return len;
	start--;
	if ((unsigned char)text[start] < 0xc0 ||
	    utf8_char_len(text + start, len - start) > 0)
		return len;
	return start;
}
