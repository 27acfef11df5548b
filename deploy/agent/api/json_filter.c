/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter: a state for each place in the text, a level for each open bracket. */
#include "json_filter.h"

#include <errno.h>
#include <string.h>

/* The place in the text: it tells what may come next. */
enum state {
	AT_VALUE,
	AT_VALUE_OR_CLOSE,
	AT_KEY,
	AT_KEY_OR_CLOSE,
	AT_COLON,
	AT_COMMA_OR_CLOSE,
	IN_STRING,
	IN_SCALAR, /* a number, true, false, null */
	AT_DOCUMENT,
};

void json_filter_init(struct json_filter *filter, const struct filter_key *keys,
		      filter_doc_fn fn, void *data)
{
	filter->keys = keys;
	filter->fn = fn;
	filter->data = data;
	filter->state = AT_DOCUMENT;
	filter->depth = 0;
	filter->len = 0;
	filter->too_long = false;
}

bool json_filter_is_between(const struct json_filter *filter)
{
	return filter->state == AT_DOCUMENT;
}

static int fail(const char *what, struct cni_error *err)
{
	return error_set(err, CNI_ERR_JSON, EBADMSG, "the API server's answer: %s", what);
}

static void put(struct json_filter *filter, const char *bytes, size_t len)
{
	if (len > FILTER_DOC_MAX - filter->len) {
		filter->too_long = true;
		return;
	}
	memcpy(filter->doc + filter->len, bytes, len);
	filter->len += len;
}

static struct filter_level *top(struct json_filter *filter)
{
	return &filter->levels[filter->depth - 1];
}

static const struct filter_key *find(const struct filter_key *keys, const char *key,
				     size_t len)
{
	for (; keys->key; keys++)
		if (strlen(keys->key) == len && memcmp(keys->key, key, len) == 0)
			return keys;
	return NULL;
}

/* The key has been read: whether its value is wanted is decided here. */
static void key_end(struct json_filter *filter)
{
	struct filter_level *level = top(filter);

	filter->value = NULL;
	filter->pass = level->pass;
	if (level->pass && level->keys) {
		filter->value = filter->key_len < FILTER_KEY_MAX
					? find(level->keys, filter->key, filter->key_len)
					: NULL;
		filter->pass = filter->value;
	}
	if (!filter->pass)
		return;
	if (level->behind_entry)
		put(filter, ",", 1);
	level->behind_entry = true;
	if (!level->keys)
		return; /* the key's bytes are passed on as they come: string_begin() */
	put(filter, "\"", 1);
	put(filter, filter->key, filter->key_len);
	put(filter, "\"", 1);
}

/* A value starts, in @level. In an object the comma was put before the value's key. */
static void value_begin(struct json_filter *filter, struct filter_level *level)
{
	if (level->close != ']')
		return;
	filter->pass = level->pass && !level->each;
	filter->value = NULL;
	if (filter->pass && level->behind_entry)
		put(filter, ",", 1);
	level->behind_entry |= filter->pass;
}

static int document_end(struct json_filter *filter, enum filter_doc kind, size_t from,
			struct cni_error *err)
{
	bool too_long = filter->too_long;

	return filter->fn(kind, too_long ? NULL : filter->doc + from,
			  too_long ? 0 : filter->len - from, filter->data, err);
}

static int open_level(struct json_filter *filter, char c, struct cni_error *err)
{
	struct filter_level level = {.close = c == '{' ? '}' : ']'};
	struct filter_level *outer = filter->depth ? top(filter) : NULL;

	if (filter->depth == FILTER_DEPTH_MAX)
		return fail("nested too deeply", err);
	if (!outer) {
		level.keys = filter->keys;
		level.pass = level.document = true;
	} else if (outer->each && outer->pass) {
		/* This entry of the list is a document, and goes behind the text that
		 * surrounds it. */
		level.keys = outer->keys;
		level.pass = level.document = true;
		filter->outer_len = filter->len;
		filter->outer_too_long = filter->too_long;
		filter->too_long = false;
	} else {
		level.pass = filter->pass;
		level.keys = outer->close == ']' ? outer->keys
			     : filter->value	 ? filter->value->inner
						 : NULL;
		level.each = filter->value && filter->value->each && c == '[';
	}
	if (level.pass)
		put(filter, &c, 1);
	filter->levels[filter->depth++] = level;
	filter->state = c == '{' ? AT_KEY_OR_CLOSE : AT_VALUE_OR_CLOSE;
	return 0;
}

static int close_level(struct json_filter *filter, char c, struct cni_error *err)
{
	struct filter_level level = *top(filter);
	int ret = 0;

	if (level.close != c)
		return fail("brackets that don't match", err);
	if (level.pass)
		put(filter, &c, 1);
	filter->depth--;
	filter->state = filter->depth ? AT_COMMA_OR_CLOSE : AT_DOCUMENT;
	if (!level.document)
		return 0;
	ret = document_end(filter, filter->depth ? FILTER_ENTRY : FILTER_DOC,
			   filter->depth ? filter->outer_len : 0, err);
	filter->len = filter->depth ? filter->outer_len : 0;
	filter->too_long = filter->depth ? filter->outer_too_long : false;
	return ret;
}

/* -- the value of a key with @text_max */

static void text_begin(struct json_filter *filter)
{
	filter->text_at = filter->len;
	filter->text_len = 0;
	filter->text_too_long = filter->too_long;
}

static void text_refuse(struct json_filter *filter)
{
	filter->len = filter->text_at;
	filter->too_long = filter->text_too_long;
	put(filter, "false", 5);
	filter->pass = false;
}

static bool has_nul(const char *text, const char *end)
{
	static const char nul[] = "u0000";

	for (; end - text > 5 && (text = memchr(text, '\\', end - text)); text += 2)
		if (end - text > 5 && memcmp(text + 1, nul, 5) == 0)
			return true;
	return false;
}

/* A string that is passed on goes on with these bytes, or ends with them. */
static void text_put(struct json_filter *filter, const char *bytes, size_t len, bool ends)
{
	bool limited = filter->value && filter->value->text_max;

	filter->text_len += len;
	if (limited && filter->text_len > filter->value->text_max) {
		text_refuse(filter);
		return;
	}
	put(filter, bytes, len);
	if (!ends)
		return;
	if (limited && has_nul(filter->doc + filter->text_at, filter->doc + filter->len))
		text_refuse(filter);
	else
		put(filter, "\"", 1);
}

/* -- strings */

static void string_begin(struct json_filter *filter, bool is_key)
{
	struct filter_level *level = top(filter);

	filter->state = IN_STRING;
	filter->string_is_key = is_key;
	filter->escaped = false;
	if (!is_key)
		return;
	filter->key_len = 0;
	/* Where all keys are wanted, a key is passed on like a value. */
	filter->pass = level->pass && !level->keys;
	if (filter->pass)
		key_end(filter);
}

static void string_end(struct json_filter *filter)
{
	filter->state = filter->string_is_key ? AT_COLON : AT_COMMA_OR_CLOSE;
	if (filter->string_is_key && !(top(filter)->pass && !top(filter)->keys))
		key_end(filter);
}

/* Takes bytes up to the end of the string, or of the bytes; returns how many. */
static size_t string_bytes(struct json_filter *filter, const char *bytes, size_t len)
{
	bool copied = !filter->string_is_key || (top(filter)->pass && !top(filter)->keys);
	size_t i = 0;

	for (; i < len; i++) {
		char c = bytes[i];

		if (filter->escaped)
			filter->escaped = false;
		else if (c == '\\')
			filter->escaped = true;
		else if (c == '"')
			break;
	}
	if (!copied) {
		/* A key with an escape is kept as it is written: none is wanted. */
		size_t n = i < FILTER_KEY_MAX - filter->key_len
				   ? i
				   : FILTER_KEY_MAX - filter->key_len;

		memcpy(filter->key + filter->key_len, bytes, n);
		filter->key_len += n;
	} else if (filter->pass) {
		text_put(filter, bytes, i, i < len);
	}
	if (i == len)
		return len;
	string_end(filter);
	return i + 1;
}

static int value_start(struct json_filter *filter, char c, struct cni_error *err)
{
	value_begin(filter, top(filter));
	text_begin(filter);
	if (filter->pass && filter->value && filter->value->text_max && c != '"')
		text_refuse(filter);
	if (c == '{' || c == '[')
		return open_level(filter, c, err);
	if (c == '"') {
		string_begin(filter, false);
	} else {
		if (!strchr("-0123456789tfn", c))
			return fail("a value that is none", err);
		filter->state = IN_SCALAR;
	}
	if (filter->pass)
		put(filter, &c, 1);
	return 0;
}

static int colon(struct json_filter *filter, char c, struct cni_error *err)
{
	if (c != ':')
		return fail("a key without a value", err);
	if (filter->pass)
		put(filter, ":", 1);
	filter->state = AT_VALUE;
	return 0;
}

/* Takes one byte outside of strings. */
static int step(struct json_filter *filter, char c, struct cni_error *err)
{
	if (filter->state == IN_SCALAR) {
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c && strchr("+-.E", c))) {
			if (filter->pass)
				put(filter, &c, 1);
			return 0;
		}
		filter->state = AT_COMMA_OR_CLOSE;
	}
	if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
		return 0;
	if (c == '\0')
		return fail("a NUL byte", err);
	switch (filter->state) {
	case AT_DOCUMENT:
		return c == '{' ? open_level(filter, c, err)
				: fail("no JSON object", err);
	case AT_COLON:
		return colon(filter, c, err);
	case AT_COMMA_OR_CLOSE:
		if (c != ',')
			return close_level(filter, c, err);
		filter->state = top(filter)->close == '}' ? AT_KEY : AT_VALUE;
		return 0;
	case AT_KEY_OR_CLOSE:
	case AT_VALUE_OR_CLOSE:
		if (c == top(filter)->close)
			return close_level(filter, c, err);
		if (filter->state == AT_VALUE_OR_CLOSE)
			return value_start(filter, c, err);
		/* fall through */
	case AT_KEY:
		if (c != '"')
			return fail("no key where one is due", err);
		string_begin(filter, true);
		if (filter->pass)
			put(filter, "\"", 1);
		return 0;
	default:
		return value_start(filter, c, err);
	}
}

int json_filter_feed(struct json_filter *filter, const char *bytes, size_t len,
		     struct cni_error *err)
{
	while (len > 0) {
		size_t n = 1;
		int ret = 0;

		if (filter->state == IN_STRING)
			n = string_bytes(filter, bytes, len);
		else
			ret = step(filter, *bytes, err);
		if (ret < 0)
			return ret;
		bytes += n;
		len -= n;
	}
	return 0;
}
