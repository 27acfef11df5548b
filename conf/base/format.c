/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 20

struct output {
	char *text;
	size_t size, len; /* len: of the whole text, whether it fits or not */
};

static void put(struct output *out, const char *bytes, size_t n)
{
	if (out->len < out->size) {
		size_t room = out->size - out->len;

		memcpy(out->text + out->len, bytes, n < room ? n : room);
	}
	out->len += n;
}

static void put_number(struct output *out, uint64_t number, unsigned int base,
		       size_t width)
{
	char digits[DIGITS_MAX];
	char *const end = digits + sizeof(digits);
	char *first = end;

	do {
		*--first = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	while ((size_t)(end - first) < width)
		*--first = '0';
	put(out, first, end - first);
}

static void put_signed(struct output *out, int64_t number, size_t width)
{
	if (number >= 0) {
		put_number(out, number, 10, width);
		return;
	}
	put(out, "-", 1);
	put_number(out, -(uint64_t)number, 10, width ? width - 1 : 0);
}

static void put_text(struct output *out, const char *text, int precision)
{
	if (!text)
		text = "(null)";
	put(out, text, precision < 0 ? strlen(text) : strnlen(text, precision));
}

/* Writes one conversion, @format being behind the '%': s, .*s; d, u and x of int, long,
 * long long and size_t, also with zeros in front. False: it is another conversion. */
static bool convert(struct output *out, const char **format, va_list *args)
{
	const char *at = *format;
	bool is_long = false;
	int precision = -1;
	size_t width = 0;

	if (strncmp(at, ".*s", 3) == 0) {
		precision = va_arg(*args, int);
		at += 2;
	} else if (*at == '0') {
		while (*++at >= '0' && *at <= '9' && width <= DIGITS_MAX)
			width = 10 * width + (*at - '0');
	}
	for (; *at == 'l' || *at == 'z'; at++)
		is_long = true;
	*format = at + 1;
	/* %ld, %lld and %zd are all of 64 bits, or left to vsnprintf(). */
	if (width > DIGITS_MAX || (is_long && sizeof(long) < sizeof(int64_t)))
		return false;
	if (*at == 's' && !is_long && !width)
		put_text(out, va_arg(*args, const char *), precision);
	else if (*at == 'd')
		put_signed(out, is_long ? va_arg(*args, int64_t) : va_arg(*args, int),
			   width);
	else if (*at == 'u' || *at == 'x')
		put_number(out,
			   is_long ? va_arg(*args, uint64_t)
				   : va_arg(*args, unsigned int),
			   *at == 'u' ? 10 : 16, width);
	else
		return false;
	return true;
}

int format_plain(char *text, size_t size, const char *format, va_list args)
{
	struct output out = {text, size, 0};
	const char *at = format;
	bool known = true;
	va_list own;

	va_copy(own, args);
	while (known && *at) {
		size_t plain = strcspn(at, "%");

		put(&out, at, plain);
		at += plain;
		if (*at++)
			known = convert(&out, &at, &own);
		else
			break;
	}
	va_end(own);
	if (!known)
		return -1;
	if (size > 0)
		text[out.len < size ? out.len : size - 1] = '\0';
	return (int)out.len;
}

int format_text(char *text, size_t size, const char *format, va_list args)
{
	int len = format_plain(text, size, format, args);

	return len < 0 ? vsnprintf(text, size, format, args) : len;
}
