/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads JSON-RPC 1.0 messages, and OVSDB's notation of values. */
#include "ovsdb_reply.h"

#include <errno.h>
#include <string.h>

#include "conf/base/text.h"
#include "conf/json/json_doc.h"

static void message_classify(struct ovsdb_message *message, int64_t id)
{
	const struct json_value *root = json_root(message->doc);
	const char *method = json_string(json_member(root, "method"));
	int64_t number;

	message->id = json_member(root, "id");
	message->params = json_member(root, "params");
	message->kind = OVSDB_OTHER;
	if (method) {
		if (strcmp(method, "echo") == 0 && message->id &&
		    !json_is_null(message->id) && json_is_list(message->params))
			message->kind = OVSDB_ECHO;
	} else if (json_integer(message->id, &number) && number == id) {
		message->kind = OVSDB_ANSWER;
	}
}

int ovsdb_message_read(const char *text, size_t len, int64_t id,
		       struct ovsdb_message *ret_message, struct cni_error *err)
{
	struct ovsdb_message message = {};
	int ret = json_parse(text, len, &message.doc, err);

	if (ret == -ENOMEM)
		return ret;
	if (ret < 0) {
		error_wrap(err, "the answer of Open vSwitch's database");
		error_recode(err, CNI_ERR_KERNEL);
		return ret;
	}
	message_classify(&message, id);
	*ret_message = message;
	return 0;
}

void ovsdb_message_clear(struct ovsdb_message *message)
{
	json_doc_free(message->doc);
	message->doc = NULL;
}

char *ovsdb_echo_answer(const struct ovsdb_message *echo)
{
	_cleanup_(free_p) char *id = json_value_print(echo->id);
	_cleanup_(free_p) char *params = json_value_print(echo->params);
	struct text text = {};

	if (id && params)
		text_add(&text, "{\"id\":%s,\"result\":%s,\"error\":null}", id, params);
	if (text.failed) {
		free(text.text);
		text.text = NULL;
	}
	return text.text;
}

void ovsdb_reply_clear(struct ovsdb_reply *reply)
{
	json_doc_free(reply->doc);
	*reply = (struct ovsdb_reply){};
}

bool ovsdb_timed_out(const struct ovsdb_reply *reply)
{
	return reply->error && strcmp(reply->error, "timed out") == 0;
}

/* Finds the first operation that was refused. Those behind it have null for a result. What
 * the commit of all of them failed with is one result more. */
static void refusal_find(struct ovsdb_reply *reply)
{
	size_t n = json_count(reply->results);

	for (size_t i = 0; i < n; i++) {
		const struct json_value *result = json_entry(reply->results, i);
		const char *error = json_string(json_member(result, "error"));

		if (!error)
			continue;
		reply->refused = i;
		reply->error = error;
		reply->details = json_string(json_member(result, "details"));
		return;
	}
}

/* Sets the error of an answer whose "error" isn't null. */
static int request_refused(const struct json_value *error, struct cni_error *err)
{
	_cleanup_(free_p) char *text = json_value_print(error);

	return error_set(err, CNI_ERR_KERNEL, EPROTO,
			 "Open vSwitch's database has refused the request: %s",
			 text ? text : "?");
}

int ovsdb_reply_read(struct ovsdb_message *message, size_t operations,
		     struct ovsdb_reply *ret_reply, struct cni_error *err)
{
	const struct json_value *root = json_root(message->doc);
	const struct json_value *error = json_member(root, "error");
	struct ovsdb_reply reply = {.results = json_member(root, "result")};

	if (error && !json_is_null(error))
		return request_refused(error, err);
	refusal_find(&reply);
	if (json_count(reply.results) < operations && !reply.error)
		return error_set(err, CNI_ERR_KERNEL, EPROTO,
				 "Open vSwitch's database has answered %zu of %zu "
				 "operations",
				 json_count(reply.results), operations);
	reply.doc = TAKE_PTR(message->doc);
	*ret_reply = reply;
	return 0;
}

static const struct json_value *rows_of(const struct ovsdb_reply *reply, size_t operation)
{
	return json_member(json_entry(reply->results, operation), "rows");
}

size_t ovsdb_rows(const struct ovsdb_reply *reply, size_t operation)
{
	return json_count(rows_of(reply, operation));
}

const struct json_value *ovsdb_row(const struct ovsdb_reply *reply, size_t operation,
				   size_t index)
{
	return json_entry(rows_of(reply, operation), index);
}

bool ovsdb_count(const struct ovsdb_reply *reply, size_t operation, int64_t *ret_count)
{
	return json_integer(json_member(json_entry(reply->results, operation), "count"),
			    ret_count);
}

/* Returns the list behind the word of a pair like ["set", [...]]; NULL: it is another
 * value. */
static const struct json_value *tagged(const struct json_value *value, const char *tag)
{
	const char *word = json_string(json_entry(value, 0));

	return word && json_count(value) == 2 && strcmp(word, tag) == 0
		       ? json_entry(value, 1)
		       : NULL;
}

/* Returns the only entry of a column. */
static const struct json_value *atom(const struct json_value *row, const char *column)
{
	const struct json_value *value = json_member(row, column);
	const struct json_value *set = tagged(value, "set");

	if (!set)
		return value;
	return json_count(set) == 1 ? json_entry(set, 0) : NULL;
}

const char *ovsdb_text(const struct json_value *row, const char *column)
{
	return json_string(atom(row, column));
}

/* Is it a UUID in the form of RFC 7047? */
static bool is_uuid(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	_Static_assert(sizeof(form) == OVSDB_UUID_MAX, "a UUID's length");
	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++) {
		const char *right = form[i] == '-' ? "-" : "0123456789abcdef";

		if (!strchr(right, text[i]))
			return false;
	}
	return true;
}

const char *ovsdb_uuid(const struct json_value *row, const char *column)
{
	const char *text = json_string(tagged(atom(row, column), "uuid"));

	return text && is_uuid(text) ? text : NULL;
}

bool ovsdb_integer(const struct json_value *row, const char *column, int64_t *ret_number)
{
	return json_integer(atom(row, column), ret_number);
}

size_t ovsdb_set_count(const struct json_value *row, const char *column)
{
	const struct json_value *value = json_member(row, column);
	const struct json_value *set = tagged(value, "set");

	if (set)
		return json_count(set);
	return value && !json_is_null(value) ? 1 : 0;
}

bool ovsdb_set_integer(const struct json_value *row, const char *column, size_t index,
		       int64_t *ret_number)
{
	const struct json_value *value = json_member(row, column);
	const struct json_value *set = tagged(value, "set");

	if (!set)
		return index == 0 && json_integer(value, ret_number);
	return json_integer(json_entry(set, index), ret_number);
}

const char *ovsdb_map_text(const struct json_value *row, const char *column,
			   const char *key)
{
	const struct json_value *pairs = tagged(json_member(row, column), "map");
	size_t n = json_count(pairs);

	for (size_t i = 0; i < n; i++) {
		const struct json_value *pair = json_entry(pairs, i);
		const char *name = json_string(json_entry(pair, 0));

		if (name && strcmp(name, key) == 0)
			return json_string(json_entry(pair, 1));
	}
	return NULL;
}
