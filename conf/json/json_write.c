/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lays out JSON text in a growing buffer. */
#include "json_write.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/utf8.h"
#include "conf/base/util.h"

#define INDENT	  4
#define DEPTH_MAX 12

static void put(struct json_writer *writer, const char *text)
{
	text_put(&writer->out, text, strlen(text));
}

static void put_escaped(struct json_writer *writer, unsigned char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *at = strchr(plain, c);

	if (at)
		text_add(&writer->out, "\\%c", letters[at - plain]);
	else
		text_add(&writer->out, "\\u%04x", c);
}

/* The characters to which terminals listen: those below U+0020, which JSON has escapes
 * for, and U+007F to U+009F. */
static bool is_control(const char *value)
{
	const unsigned char *c = (const unsigned char *)value;

	return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

/* How many bytes stand for themselves. */
static size_t plain_len(const char *value, size_t left)
{
	size_t len = 0, n;

	for (; len < left; len += n) {
		unsigned char c = value[len];

		n = utf8_char_len(value + len, left - len);
		if (n == 0 || is_control(value + len) || c == '"' || c == '\\')
			break;
	}
	return len;
}

static void put_string(struct json_writer *writer, const char *value)
{
	size_t left = strlen(value);

	put(writer, "\"");
	while (left) {
		size_t n = plain_len(value, left);

		text_put(&writer->out, value, n);
		value += n;
		left -= n;
		if (left == 0)
			break;
		n = utf8_char_len(value, left);
		if (n == 0)
			put(writer, UTF8_REPLACEMENT);
		else
			put_escaped(writer,
				    value[n - 1]); /* U+0080 to U+009F: 0xc2, 0x80 ... */
		value += n ? n : 1;
		left -= n ? n : 1;
	}
	put(writer, "\"");
}

static void put_line_start(struct json_writer *writer)
{
	static const char blank[] = "\n                                                ";

	_Static_assert(sizeof(blank) - 2 == DEPTH_MAX * INDENT,
		       "an indent for each depth");
	assert(writer->depth <= DEPTH_MAX);
	text_put(&writer->out, blank, 1 + writer->depth * INDENT);
}

/* Writes all that stands before a value: the comma behind its predecessor, the start of
 * its line, its key. */
static void put_lead(struct json_writer *writer, const char *key)
{
	if (writer->behind_entry)
		put(writer, ",");
	if (writer->depth)
		put_line_start(writer);
	if (key) {
		put_string(writer, key);
		put(writer, ": ");
	}
	writer->behind_entry = true;
}

void json_open(struct json_writer *writer, const char *key, char bracket)
{
	put_lead(writer, key);
	text_put(&writer->out, &bracket, 1);
	writer->depth++;
	writer->behind_entry = false;
}

void json_close(struct json_writer *writer, char bracket)
{
	writer->depth--;
	if (writer->behind_entry)
		put_line_start(writer);
	text_put(&writer->out, &bracket, 1);
	writer->behind_entry = true;
}

void json_text(struct json_writer *writer, const char *key, const char *value)
{
	put_lead(writer, key);
	put_string(writer, value);
}

void json_number(struct json_writer *writer, const char *key, int64_t value)
{
	put_lead(writer, key);
	text_add(&writer->out, "%" PRId64, value);
}

void json_real(struct json_writer *writer, const char *key, double value)
{
	put_lead(writer, key);
	text_add(&writer->out, "%.15g", value);
}

void json_bool(struct json_writer *writer, const char *key, bool value)
{
	put_lead(writer, key);
	put(writer, value ? "true" : "false");
}

void json_null(struct json_writer *writer, const char *key)
{
	put_lead(writer, key);
	put(writer, "null");
}

void json_append(struct json_writer *writer, const struct json_writer *entries)
{
	writer->out.failed |= entries->out.failed;
	if (!entries->behind_entry)
		return;
	if (writer->behind_entry)
		put(writer, ",");
	text_append(&writer->out, &entries->out);
	writer->behind_entry = true;
}

void json_text_if(struct json_writer *writer, const char *key, const char *value)
{
	if (value && *value)
		json_text(writer, key, value);
}

void json_number_if(struct json_writer *writer, const char *key, int64_t value)
{
	if (value)
		json_number(writer, key, value);
}

char *json_finish(struct json_writer *writer)
{
	put(writer, "\n");
	if (writer->out.failed) {
		free(writer->out.text);
		writer->out.text = NULL;
	}
	return TAKE_PTR(writer->out.text);
}
