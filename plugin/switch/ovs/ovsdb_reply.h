/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of an OVSDB server: answers to a transaction, row by row and column by column
 * (RFC 7047, sections 4.1.3 and 5.1), and echo requests of its own. Nothing of it is
 * trusted: whatever it is, each function here gives a value or NULL.
 */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVSDB_REPLY_H
#define BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVSDB_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/error.h"
#include "conf/json/json_value.h"

#define OVSDB_UUID_MAX 37 /* with the NUL */

enum ovsdb_message_kind {
	OVSDB_ANSWER, /* to the request of that number */
	OVSDB_ECHO, /* a request that has to be answered, or the connection ends */
	OVSDB_OTHER, /* something that nobody asked for */
};

struct ovsdb_message {
	struct json_doc *doc; /* owned */
	enum ovsdb_message_kind kind;
	const struct json_value *id, *params; /* of an echo */
};
void ovsdb_message_clear(struct ovsdb_message *message);

/* Reads a message, which may be the answer to request @id. Code 101: it is no JSON-RPC. */
int ovsdb_message_read(const char *text, size_t len, int64_t id,
		       struct ovsdb_message *ret_message, struct cni_error *err);

/* The text by which an echo request is answered; the caller frees it. NULL: memory ran
 * out. */
char *ovsdb_echo_answer(const struct ovsdb_message *echo);

/* The answer to a transaction. */
struct ovsdb_reply {
	struct json_doc *doc; /* owned */
	const struct json_value *results; /* a list with an entry for each operation */
	/* Where an operation was refused, and with it the transaction: its number, which
	 * is that of operations where the transaction as a whole was refused ... */
	size_t refused;
	/* ... and why: a word of the RFC, and text for people; NULL: nothing was. */
	const char *error, *details;
};
void ovsdb_reply_clear(struct ovsdb_reply *reply);

/* Was a `wait` refused because its time is over? */
bool ovsdb_timed_out(const struct ovsdb_reply *reply);

/* Takes the answer to a transaction of @operations operations out of the message. Code 101:
 * the server has refused the request as a whole, or has left out results. */
int ovsdb_reply_read(struct ovsdb_message *message, size_t operations,
		     struct ovsdb_reply *ret_reply, struct cni_error *err);

/* The rows that a select has found, as operation @operation of its transaction. */
size_t ovsdb_rows(const struct ovsdb_reply *reply, size_t operation);
const struct json_value *ovsdb_row(const struct ovsdb_reply *reply, size_t operation,
				   size_t index);

/* How many rows operation @operation, a mutate, has changed. */
bool ovsdb_count(const struct ovsdb_reply *reply, size_t operation, int64_t *ret_count);

/*
 * The value of a column: a set of one entry is the same as that entry. NULL: the row has
 * none of that name or kind, or the set is empty.
 */
const char *ovsdb_text(const struct json_value *row, const char *column);
const char *ovsdb_uuid(const struct json_value *row, const char *column);
bool ovsdb_integer(const struct json_value *row, const char *column, int64_t *ret_number);

/* How many entries a set has, and one of its numbers. */
size_t ovsdb_set_count(const struct json_value *row, const char *column);
bool ovsdb_set_integer(const struct json_value *row, const char *column, size_t index,
		       int64_t *ret_number);

/* The text that a map has for @key. */
const char *ovsdb_map_text(const struct json_value *row, const char *column,
			   const char *key);

#endif
