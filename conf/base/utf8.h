/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UTF-8 (RFC 3629): JSON is refused without it, and what is printed is never without it,
 * whatever the environment or the kernel put into a message.
 */
#ifndef BRIDGE_CNI_CONF_BASE_UTF8_H
#define BRIDGE_CNI_CONF_BASE_UTF8_H

#include <stddef.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Bytes of the character at @text (of at most @len bytes); 0 when it is not one. */
size_t utf8_char_len(const char *text, size_t len);

/* Puts '?' in the place of each byte of @text that is not part of a character. */
void utf8_mend(char *text);

/* The longest start of @text, at most @len bytes, that doesn't end inside a character. */
size_t utf8_cut(const char *text, size_t len);

#endif
