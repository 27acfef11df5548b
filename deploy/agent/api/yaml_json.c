/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines with their indentation are read by recursive descent. An entry of a list that begins
 * a mapping or a list is read as if its "- " were spaces. */
#include "yaml_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/json/json_write.h"

#define DEPTH_MAX 10 /* json_write.c has no more than 12 */

struct line {
	char *text; /* behind its indentation; not empty */
	size_t indent; /* spaces */
	unsigned int number; /* from 1 */
};

struct reader {
	struct {
		struct line *items;
		size_t n;
	} lines;
	size_t at; /* the next line */
	unsigned int depth;
	struct json_writer out;
};

static int refused(const struct line *line, struct cni_error *err, const char *why)
{
	return error_set(err, CNI_ERR_JSON, EINVAL, "line %u: %s", line->number, why);
}

/* -- lines */

static bool is_blank(const char *text)
{
	return !text[0] || text[0] == '#';
}

static char *skip_spaces(char *text)
{
	return text + strspn(text, " ");
}

static int line_add(struct reader *reader, char *text, unsigned int number,
		    struct cni_error *err)
{
	size_t indent = strspn(text, " "), len = strlen(text);
	struct line line = {text + indent, indent, number}, *added;

	while (len > 0 && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	if (indent >= len || is_blank(line.text))
		return 0;
	if (line.text[0] == '\t')
		return refused(&line, err, "a tab indents it, expected spaces");
	if (indent == 0 && strcmp(line.text, "---") == 0 && !reader->lines.n)
		return 0;
	if (indent == 0 &&
	    (strncmp(line.text, "---", 3) == 0 || strcmp(line.text, "...") == 0))
		return refused(&line, err, "expected one document");
	added = LIST_ADD(&reader->lines);
	if (!added)
		return error_oom(err);
	*added = line;
	return 0;
}

static int lines_read(struct reader *reader, char *text, struct cni_error *err)
{
	char *next;
	int ret = 0;

	for (unsigned int number = 1; ret == 0 && text; number++, text = next) {
		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		ret = line_add(reader, text, number, err);
	}
	return ret;
}

/* -- values of one line */

/* Decodes a quoted text in its place, and gives what stands behind it; NULL: it doesn't end, or
 * has an escape that isn't known here. */
static char *unquote(char *text)
{
	static const char escapes[] = "\"\\/nrt", meant[] = "\"\\/\n\r\t";
	char quote = *text, *from = text + 1, *to = text;

	for (; *from; from++) {
		const char *escape;

		if (*from == quote && quote == '\'' && from[1] == quote) {
			from++;
		} else if (*from == quote) {
			*to = '\0';
			return from + 1;
		} else if (*from == '\\' && quote == '"') {
			escape = from[1] ? strchr(escapes, from[1]) : NULL;
			if (!escape)
				return NULL;
			*to++ = meant[escape - escapes];
			from++;
			continue;
		}
		*to++ = *from;
	}
	return NULL;
}

/* Where a plain text ends: at a ':' or a '#' that mean something, or at its end. */
static char *plain_end(char *text, bool *ret_key)
{
	for (char *at = text; *at; at++) {
		*ret_key = *at == ':' && (!at[1] || strchr(" \t", at[1]));
		if (*ret_key || (*at == '#' && at > text && strchr(" \t", at[-1])))
			return at;
	}
	*ret_key = false;
	return text + strlen(text);
}

/* The text without quotes, and what stands behind it. @is_key: it ends with a ':', which is
 * skipped. */
static int text_read(const struct line *line, char **text, char **ret_behind,
		     bool *ret_key, struct cni_error *err)
{
	bool quoted = **text == '"' || **text == '\'';
	char *behind, *end;

	if (!quoted && (strchr("&*!|>%@`,[]{}", **text) ||
			(strchr("?:", **text) && (!(*text)[1] || (*text)[1] == ' '))))
		return refused(
			line, err,
			"it has more of YAML than mappings, lists and texts; "
			"`kubectl config view --raw -o json` writes the same as JSON");
	if (quoted) {
		behind = unquote(*text);
		if (!behind)
			return refused(
				line, err,
				"its quoted text doesn't end there, or has an escape "
				"other than \\\" \\\\ \\/ \\n \\r \\t");
		end = skip_spaces(behind);
		*ret_key = *end == ':' && (!end[1] || end[1] == ' ');
		if (!*ret_key && !is_blank(end))
			return refused(line, err,
				       "something stands behind a quoted text");
	} else {
		end = plain_end(*text, ret_key);
		behind = end;
		while (behind > *text && strchr(" \t", behind[-1]))
			behind--;
	}
	*ret_behind = skip_spaces(end + *ret_key);
	if (!quoted) {
		bool comment = *end == '#';

		*behind = '\0';
		if (comment)
			*ret_behind = behind;
	}
	return 0;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static int value_read(struct reader *reader, const struct line *line, const char *key,
		      char *text, struct cni_error *err)
{
	static const char *const nulls[] = {"~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	bool quoted = *text == '"' || *text == '\'', is_key;
	char *behind;
	int ret;

	if ((strncmp(text, "{}", 2) == 0 || strncmp(text, "[]", 2) == 0) &&
	    is_blank(skip_spaces(text + 2))) {
		json_open(&reader->out, key, text[0]);
		json_close(&reader->out, text[1]);
		return 0;
	}
	ret = text_read(line, &text, &behind, &is_key, err);
	if (ret < 0)
		return ret;
	if (is_key)
		return refused(line, err,
			       "a value has a ':' in it: put quotes around it");
	if (!quoted && is_one_of(text, nulls))
		json_null(&reader->out, key);
	else if (!quoted && (is_one_of(text, trues) || is_one_of(text, falses)))
		json_bool(&reader->out, key, is_one_of(text, trues));
	else
		json_text(&reader->out, key, text);
	return 0;
}

/* -- mappings and lists */

static bool is_entry(const char *text)
{
	return text[0] == '-' && (!text[1] || text[1] == ' ');
}

static struct line *line_at(struct reader *reader, size_t indent)
{
	struct line *line = &reader->lines.items[reader->at];

	return reader->at < reader->lines.n && line->indent == indent ? line : NULL;
}

static int node_read(struct reader *reader, const char *key, struct cni_error *err);

/* The value of a key, or an entry of a list, in the lines behind. @indent: of the key. @beside:
 * a list may be indented as the key is. */
static int below_read(struct reader *reader, const char *key, size_t indent, bool beside,
		      struct cni_error *err)
{
	const struct line *next = &reader->lines.items[reader->at];

	if (reader->at < reader->lines.n &&
	    (next->indent > indent ||
	     (beside && next->indent == indent && is_entry(next->text))))
		return node_read(reader, key, err);
	json_null(&reader->out, key);
	return 0;
}

/* Does a mapping's key begin the text? It is left as it is. */
static bool begins_mapping(char *text)
{
	bool key = false;

	if (*text != '"' && *text != '\'')
		plain_end(text, &key);
	return key;
}

static int entry_read(struct reader *reader, struct line *line, struct cni_error *err)
{
	char *rest = skip_spaces(line->text + 1);

	if (is_blank(rest)) {
		reader->at++;
		return below_read(reader, NULL, line->indent, false, err);
	}
	if (is_entry(rest) || begins_mapping(rest)) {
		line->indent += rest - line->text;
		line->text = rest;
		return node_read(reader, NULL, err);
	}
	reader->at++;
	return value_read(reader, line, NULL, rest, err);
}

static int member_read(struct reader *reader, struct line *line, struct cni_error *err)
{
	char *key = line->text, *rest;
	bool is_key;
	int ret = text_read(line, &key, &rest, &is_key, err);

	if (ret < 0)
		return ret;
	if (!is_key)
		return refused(line, err, "expected KEY: VALUE");
	reader->at++;
	return is_blank(rest) ? below_read(reader, key, line->indent, true, err)
			      : value_read(reader, line, key, rest, err);
}

/* Reads what begins in the next line, and all behind it that is indented as that is. */
static int node_read(struct reader *reader, const char *key, struct cni_error *err)
{
	struct line *line = &reader->lines.items[reader->at];
	bool list = is_entry(line->text);
	size_t indent = line->indent;
	int ret = 0;

	if (++reader->depth > DEPTH_MAX)
		return refused(line, err, "it is nested too deeply");
	json_open(&reader->out, key, list ? '[' : '{');
	while (ret == 0 && (line = line_at(reader, indent)) &&
	       is_entry(line->text) == list)
		ret = list ? entry_read(reader, line, err)
			   : member_read(reader, line, err);
	json_close(&reader->out, list ? ']' : '}');
	reader->depth--;
	return ret;
}

int yaml_to_json(const char *text, size_t len, char **ret_json, struct cni_error *err)
{
	_cleanup_(free_p) char *copy = strndup(text, len);
	_cleanup_(free_p) char *json = NULL;
	struct reader reader = {};
	int ret;

	if (!copy)
		return error_oom(err);
	if (strlen(copy) < len)
		return error_set(err, CNI_ERR_JSON, EINVAL, "there is a NUL in it");
	ret = lines_read(&reader, copy, err);
	if (ret == 0 && !reader.lines.n)
		ret = error_set(err, CNI_ERR_JSON, EINVAL, "it is empty");
	if (ret == 0)
		ret = node_read(&reader, NULL, err);
	if (ret == 0 && reader.at < reader.lines.n)
		ret = refused(&reader.lines.items[reader.at], err,
			      "its indentation fits no line above");
	json = json_finish(&reader.out);
	free(reader.lines.items);
	explicit_bzero(copy, len);
	if (ret < 0)
		return ret;
	if (!json)
		return error_oom(err);
	*ret_json = TAKE_PTR(json);
	return 0;
}
