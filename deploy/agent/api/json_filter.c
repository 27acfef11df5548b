/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter: a state for each place in the text, a level for each open bracket. */
#include "json_filter.h"

#include <errno.h>
#include <string.h>

/* What may stand next. */
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

void watch_parser_init(struct watch_parser *parser, const struct watch_key *keys,
		       watch_doc_fn fn, void *data)
{
	parser->keys = keys;
	parser->fn = fn;
	parser->data = data;
	parser->state = AT_DOCUMENT;
	parser->depth = 0;
	parser->len = 0;
	parser->too_long = false;
}

bool watch_parser_is_between(const struct watch_parser *parser)
{
	return parser->state == AT_DOCUMENT;
}

static int fail(const char *what, struct cni_error *err)
{
	return error_set(err, CNI_ERR_JSON, EBADMSG, "the API server's answer: %s", what);
}

static void put(struct watch_parser *p, const char *bytes, size_t len)
{
	if (len > WATCH_DOC_MAX - p->len) {
		p->too_long = true;
		return;
	}
	memcpy(p->doc + p->len, bytes, len);
	p->len += len;
}

static struct watch_level *top(struct watch_parser *p)
{
	return &p->levels[p->depth - 1];
}

static const struct watch_key *find(const struct watch_key *keys, const char *key,
				    size_t len)
{
	for (; keys->key; keys++)
		if (strlen(keys->key) == len && memcmp(keys->key, key, len) == 0)
			return keys;
	return NULL;
}

/* The key is read: is its value wanted? */
static void key_end(struct watch_parser *p)
{
	struct watch_level *level = top(p);

	p->value = NULL;
	p->pass = level->pass;
	if (level->pass && level->keys) {
		p->value = p->key_len < WATCH_KEY_MAX
				   ? find(level->keys, p->key, p->key_len)
				   : NULL;
		p->pass = p->value;
	}
	if (!p->pass)
		return;
	if (level->behind_entry)
		put(p, ",", 1);
	level->behind_entry = true;
	if (!level->keys)
		return; /* its bytes are written as they come: see string_begin() */
	put(p, "\"", 1);
	put(p, p->key, p->key_len);
	put(p, "\"", 1);
}

/* A value starts. @level: what it stands in; a key's comma was put before the key. */
static void value_begin(struct watch_parser *p, struct watch_level *level)
{
	if (level->close != ']')
		return;
	p->pass = level->pass && !level->each;
	p->value = NULL;
	if (p->pass && level->behind_entry)
		put(p, ",", 1);
	level->behind_entry |= p->pass;
}

static int document_end(struct watch_parser *p, enum watch_doc kind, size_t from,
			struct cni_error *err)
{
	bool too_long = p->too_long;

	return p->fn(kind, too_long ? NULL : p->doc + from, too_long ? 0 : p->len - from,
		     p->data, err);
}

static int open_level(struct watch_parser *p, char c, struct cni_error *err)
{
	struct watch_level level = {.close = c == '{' ? '}' : ']'};
	struct watch_level *outer = p->depth ? top(p) : NULL;

	if (p->depth == WATCH_DEPTH_MAX)
		return fail("nested too deeply", err);
	if (!outer) {
		level.keys = p->keys;
		level.pass = level.document = true;
	} else if (outer->each && outer->pass) {
		/* An entry that is a document: written behind what surrounds it. */
		level.keys = outer->keys;
		level.pass = level.document = true;
		p->outer_len = p->len;
		p->outer_too_long = p->too_long;
		p->too_long = false;
	} else {
		level.pass = p->pass;
		level.keys = outer->close == ']' ? outer->keys
			     : p->value		 ? p->value->inner
						 : NULL;
		level.each = p->value && p->value->each && c == '[';
	}
	if (level.pass)
		put(p, &c, 1);
	p->levels[p->depth++] = level;
	p->state = c == '{' ? AT_KEY_OR_CLOSE : AT_VALUE_OR_CLOSE;
	return 0;
}

static int close_level(struct watch_parser *p, char c, struct cni_error *err)
{
	struct watch_level level = *top(p);
	int r = 0;

	if (level.close != c)
		return fail("brackets that don't match", err);
	if (level.pass)
		put(p, &c, 1);
	p->depth--;
	p->state = p->depth ? AT_COMMA_OR_CLOSE : AT_DOCUMENT;
	if (!level.document)
		return 0;
	r = document_end(p, p->depth ? WATCH_ENTRY : WATCH_DOC,
			 p->depth ? p->outer_len : 0, err);
	p->len = p->depth ? p->outer_len : 0;
	p->too_long = p->depth ? p->outer_too_long : false;
	return r;
}

static void string_begin(struct watch_parser *p, bool is_key)
{
	struct watch_level *level = top(p);

	p->state = IN_STRING;
	p->string_is_key = is_key;
	p->escaped = false;
	if (!is_key)
		return;
	p->key_len = 0;
	/* Below a key that is wanted whole, keys are values like any other. */
	p->pass = level->pass && !level->keys;
	if (p->pass)
		key_end(p);
}

static void string_end(struct watch_parser *p)
{
	p->state = p->string_is_key ? AT_COLON : AT_COMMA_OR_CLOSE;
	if (p->string_is_key && !(top(p)->pass && !top(p)->keys))
		key_end(p);
}

/* Takes bytes up to the string's end or theirs; returns how many. */
static size_t string_bytes(struct watch_parser *p, const char *bytes, size_t len)
{
	bool copied = !p->string_is_key || (top(p)->pass && !top(p)->keys);
	size_t i = 0;

	for (; i < len; i++) {
		char c = bytes[i];

		if (p->escaped)
			p->escaped = false;
		else if (c == '\\')
			p->escaped = true;
		else if (c == '"')
			break;
	}
	if (!copied) {
		/* No key of ours has an escape: with one it is another. */
		size_t n = i < WATCH_KEY_MAX - p->key_len ? i
							  : WATCH_KEY_MAX - p->key_len;

		memcpy(p->key + p->key_len, bytes, n);
		p->key_len += n;
	} else if (p->pass) {
		put(p, bytes, i);
	}
	if (i == len)
		return len;
	if (copied && p->pass)
		put(p, "\"", 1);
	string_end(p);
	return i + 1;
}

static int value_start(struct watch_parser *p, char c, struct cni_error *err)
{
	value_begin(p, top(p));
	if (c == '{' || c == '[')
		return open_level(p, c, err);
	if (c == '"') {
		string_begin(p, false);
	} else {
		if (!strchr("-0123456789tfn", c))
			return fail("a value that is none", err);
		p->state = IN_SCALAR;
	}
	if (p->pass)
		put(p, &c, 1);
	return 0;
}

static int colon(struct watch_parser *p, char c, struct cni_error *err)
{
	if (c != ':')
		return fail("a key without a value", err);
	if (p->pass)
		put(p, ":", 1);
	p->state = AT_VALUE;
	return 0;
}

/* One byte outside of strings. */
static int step(struct watch_parser *p, char c, struct cni_error *err)
{
	if (p->state == IN_SCALAR) {
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c && strchr("+-.E", c))) {
			if (p->pass)
				put(p, &c, 1);
			return 0;
		}
		p->state = AT_COMMA_OR_CLOSE;
	}
	if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
		return 0;
	if (c == '\0')
		return fail("a NUL byte", err);
	switch (p->state) {
	case AT_DOCUMENT:
		return c == '{' ? open_level(p, c, err) : fail("no JSON object", err);
	case AT_COLON:
		return colon(p, c, err);
	case AT_COMMA_OR_CLOSE:
		if (c != ',')
			return close_level(p, c, err);
		p->state = top(p)->close == '}' ? AT_KEY : AT_VALUE;
		return 0;
	case AT_KEY_OR_CLOSE:
	case AT_VALUE_OR_CLOSE:
		if (c == top(p)->close)
			return close_level(p, c, err);
		if (p->state == AT_VALUE_OR_CLOSE)
			return value_start(p, c, err);
		/* fall through */
	case AT_KEY:
		if (c != '"')
			return fail("no key where one is due", err);
		string_begin(p, true);
		if (p->pass)
			put(p, "\"", 1);
		return 0;
	default:
		return value_start(p, c, err);
	}
}

int watch_parse(struct watch_parser *parser, const char *bytes, size_t len,
		struct cni_error *err)
{
	while (len > 0) {
		size_t n = 1;
		int r = 0;

		if (parser->state == IN_STRING)
			n = string_bytes(parser, bytes, len);
		else
			r = step(parser, *bytes, err);
		if (r < 0)
			return r;
		bytes += n;
		len -= n;
	}
	return 0;
}
