/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks text in front of the JSON parser, in one pass: one strict JSON object (RFC 8259)
 * within the limits passes. The stack of open lists and objects is an array of fixed
 * size, so that only the time depends on the size of the text.
 */
#include "json_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "conf/base/hex.h"
#include "conf/base/utf8.h"

#define NUMBER_TEXT_(number) #number
#define NUMBER_TEXT(number)  NUMBER_TEXT_(number)

/* The tokens that may come next. */
enum state {
	AT_VALUE,
	AT_VALUE_OR_CLOSE, /* just after '[' */
	AT_KEY,
	AT_KEY_OR_CLOSE, /* just after '{' */
	AT_COLON,
	AT_COMMA_OR_CLOSE,
	AT_END,
};

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct scan {
	const char *text;
	size_t len, pos;
	enum state state;
	char close[JSON_DEPTH_MAX]; /* what closes each open list and object */
	size_t depth;
	struct cni_error *err;
};

static int fail(struct scan *scan, const char *what)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < scan->pos; i++) {
		column++;
		if (scan->text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return error_set(scan->err, CNI_ERR_JSON, EINVAL,
			 "invalid JSON at line %zu, column %zu: %s", line, column, what);
}

/* The byte at @ahead, or -1 behind the end. */
static int peek(const struct scan *scan, size_t ahead)
{
	if (scan->len - scan->pos <= ahead)
		return -1;
	return (unsigned char)scan->text[scan->pos + ahead];
}

/* The four hex digits at @ahead as a number, or -1. */
static int peek_hex4(const struct scan *scan, size_t ahead)
{
	int value = 0;

	for (size_t i = ahead; i < ahead + 4; i++) {
		int digit = hex_digit(peek(scan, i));

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* An escape at the backslash; adds the bytes that it stands for. */
static int scan_escape(struct scan *scan, size_t *bytes)
{
	int c = peek(scan, 1), unit;

	if (c > 0 && strchr("\"\\/bfnrt", c)) {
		scan->pos += 2;
		*bytes += 1;
		return 0;
	}
	unit = c == 'u' ? peek_hex4(scan, 2) : -1;
	if (unit < 0)
		return fail(scan, "an unknown escape in a string");
	if (unit == 0)
		return fail(scan, "a NUL character in a string");
	if (unit < 0xd800 || unit > 0xdfff) {
		scan->pos += 6;
		*bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
		return 0;
	}
	c = peek(scan, 6) == '\\' && peek(scan, 7) == 'u' ? peek_hex4(scan, 8) : -1;
	if (unit > 0xdbff || c < 0xdc00 || c > 0xdfff)
		return fail(scan, "half a surrogate pair in a string");
	scan->pos += 12;
	*bytes += 4;
	return 0;
}

static int scan_string(struct scan *scan)
{
	size_t bytes = 0, start = scan->pos, n;
	int c, ret;

	scan->pos++;
	while ((c = peek(scan, 0)) != '"') {
		if (c < 0)
			return fail(scan, "the text ends inside a string");
		if (c == 0)
			return fail(scan, "a NUL character in a string");
		if (c < 0x20)
			return fail(scan,
				    "a control character in a string, which must be "
				    "escaped");
		if (c == '\\') {
			ret = scan_escape(scan, &bytes);
			if (ret < 0)
				return ret;
		} else {
			n = utf8_char_len(scan->text + scan->pos, scan->len - scan->pos);
			if (n == 0)
				return fail(scan, "a string that is not UTF-8");
			scan->pos += n;
			bytes += n;
		}
		if (bytes > JSON_STRING_MAX) {
			scan->pos = start;
			return fail(scan, "a string longer than " NUMBER_TEXT(
						  JSON_STRING_MAX) " bytes");
		}
	}
	scan->pos++;
	return 0;
}

static size_t scan_digits(struct scan *scan)
{
	size_t start = scan->pos;

	while (peek(scan, 0) >= '0' && peek(scan, 0) <= '9')
		scan->pos++;
	return scan->pos - start;
}

static int scan_number(struct scan *scan)
{
	size_t start = scan->pos;

	if (peek(scan, 0) == '-')
		scan->pos++;
	if (peek(scan, 0) == '0')
		scan->pos++;
	else if (scan_digits(scan) == 0)
		return fail(scan, "expected a digit");
	if (peek(scan, 0) == '.') {
		scan->pos++;
		if (scan_digits(scan) == 0)
			return fail(scan, "expected a digit");
	}
	if (peek(scan, 0) == 'e' || peek(scan, 0) == 'E') {
		scan->pos++;
		if (peek(scan, 0) == '+' || peek(scan, 0) == '-')
			scan->pos++;
		if (scan_digits(scan) == 0)
			return fail(scan, "expected a digit");
	}
	if (scan->pos - start > JSON_NUMBER_MAX) {
		scan->pos = start;
		return fail(scan, "a number longer than " NUMBER_TEXT(
					  JSON_NUMBER_MAX) " characters");
	}
	return 0;
}

static int scan_literal(struct scan *scan)
{
	static const char *const literals[] = {"true", "false", "null"};

	for (size_t i = 0; i < ARRAY_SIZE(literals); i++) {
		size_t len = strlen(literals[i]);

		if (scan->len - scan->pos >= len &&
		    memcmp(scan->text + scan->pos, literals[i], len) == 0) {
			scan->pos += len;
			return 0;
		}
	}
	return fail(scan, "expected a value");
}

static int scan_open(struct scan *scan, int c)
{
	if (scan->depth == JSON_DEPTH_MAX)
		return fail(scan,
			    "nested deeper than " NUMBER_TEXT(JSON_DEPTH_MAX) " levels");
	scan->close[scan->depth++] = c == '{' ? '}' : ']';
	scan->state = c == '{' ? AT_KEY_OR_CLOSE : AT_VALUE_OR_CLOSE;
	scan->pos++;
	return 0;
}

static int scan_close(struct scan *scan)
{
	scan->depth--;
	scan->state = scan->depth ? AT_COMMA_OR_CLOSE : AT_END;
	scan->pos++;
	return 0;
}

static int scan_value(struct scan *scan, int c)
{
	if (c == '{' || c == '[')
		return scan_open(scan, c);
	scan->state = AT_COMMA_OR_CLOSE;
	if (c == '"')
		return scan_string(scan);
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(scan);
	return scan_literal(scan);
}

/* The scan is at a bracket that closes a list or an object behind a comma. The message
 * points to the comma. */
static int trailing_comma(struct scan *scan)
{
	while (scan->text[scan->pos] != ',')
		scan->pos--;
	return fail(scan, "a trailing comma, which JSON doesn't have: remove it");
}

static bool is_comment(const struct scan *scan, int c)
{
	return c == '#' || (c == '/' && (peek(scan, 1) == '/' || peek(scan, 1) == '*'));
}

/* Scans one token, which starts with @c. */
static int scan_token(struct scan *scan, int c)
{
	bool closes = scan->depth && c == scan->close[scan->depth - 1];

	if (is_comment(scan, c))
		return fail(scan, "a comment, which JSON doesn't have: remove it");
	switch (scan->state) {
	case AT_VALUE_OR_CLOSE:
		if (closes)
			return scan_close(scan);
		return scan_value(scan, c);
	case AT_VALUE:
		if (closes && c == ']')
			return trailing_comma(scan);
		return scan_value(scan, c);
	case AT_KEY_OR_CLOSE:
		if (closes)
			return scan_close(scan);
		/* fallthrough */
	case AT_KEY:
		if (closes)
			return trailing_comma(scan);
		if (c != '"')
			return fail(scan, "expected a key in double quotes");
		scan->state = AT_COLON;
		return scan_string(scan);
	case AT_COLON:
		if (c != ':')
			return fail(scan, "expected ':'");
		scan->state = AT_VALUE;
		scan->pos++;
		return 0;
	case AT_COMMA_OR_CLOSE:
		if (closes)
			return scan_close(scan);
		if (c != ',' && scan->close[scan->depth - 1] == '}')
			return fail(scan, "expected ',' or '}'");
		if (c != ',')
			return fail(scan, "expected ',' or ']'");
		scan->state = scan->close[scan->depth - 1] == '}' ? AT_KEY : AT_VALUE;
		scan->pos++;
		return 0;
	case AT_END:
		break;
	}
	return fail(scan, "something stands behind the object");
}

int json_scan(const char *text, size_t len, struct cni_error *err)
{
	struct scan scan = {.text = text, .len = len, .err = err};
	int c, ret;

	if (len > JSON_TEXT_MAX)
		return error_set(err, CNI_ERR_JSON, E2BIG,
				 "the JSON text is longer than %d bytes", JSON_TEXT_MAX);
	if (len >= strlen(BYTE_ORDER_MARK) &&
	    memcmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		return fail(&scan,
			    "a byte order mark (EF BB BF) stands before the object; "
			    "save the file as UTF-8 without one");
	for (;;) {
		while ((c = peek(&scan, 0)) > 0 && strchr(" \t\r\n", c))
			scan.pos++;
		if (c < 0)
			break;
		if (scan.depth == 0 && scan.state != AT_END && c != '{')
			return fail(&scan, "expected an object");
		ret = scan_token(&scan, c);
		if (ret < 0)
			return ret;
	}
	if (scan.state == AT_END)
		return 0;
	return fail(&scan, scan.depth ? "the text ends inside the object"
				      : "expected an object, the text is empty");
}
