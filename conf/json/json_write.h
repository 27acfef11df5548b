/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON text as Go's json.MarshalIndent with four spaces lays it out, which is what the
 * reference plugins print. Written in the order of the calls; the text is always valid
 * UTF-8, whatever the strings are.
 */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_WRITE_H
#define BRIDGE_CNI_CONF_JSON_JSON_WRITE_H

#include <stdint.h>

#include "conf/base/text.h"

/* Zero-initialise it. */
struct json_writer {
	struct text out;
	unsigned int depth;
	bool behind_entry; /* a comma is due before the next one */
};

/* @key NULL: an entry of a list, or the document itself. */
void json_open(struct json_writer *writer, const char *key, char bracket);
void json_close(struct json_writer *writer, char bracket);
void json_text(struct json_writer *writer, const char *key, const char *value);
void json_bool(struct json_writer *writer, const char *key, bool value);
void json_null(struct json_writer *writer, const char *key);
void json_number(struct json_writer *writer, const char *key, int64_t value);
/* @value is finite. */
void json_real(struct json_writer *writer, const char *key, double value);

/* Adds the entries that another writer has, which began with this one's depth. */
void json_append(struct json_writer *writer, const struct json_writer *entries);

/* The same, but nothing where @value is NULL, "" or 0. */
void json_text_if(struct json_writer *writer, const char *key, const char *value);
void json_number_if(struct json_writer *writer, const char *key, int64_t value);

/* The text and a newline, which the caller frees; NULL when memory ran out on the way. */
char *json_finish(struct json_writer *writer);

#endif
