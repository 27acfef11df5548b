/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hexadecimal digits. */
#ifndef BRIDGE_CNI_CONF_BASE_HEX_H
#define BRIDGE_CNI_CONF_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* The value of a digit of either case; -1: @c is none. @c may be -1, for the end of a
 * text. */
static inline int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Writes @number in @n lower-case digits, without a NUL. */
static inline void hex_put(uint64_t number, char *ret_digits, size_t n)
{
	for (; n > 0; number >>= 4)
		ret_digits[--n] = "0123456789abcdef"[number & 15];
}

#endif
