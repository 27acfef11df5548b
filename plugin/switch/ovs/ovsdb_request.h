/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a transaction, operation by operation (RFC 7047, section 5.2). */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVSDB_REQUEST_H
#define BRIDGE_CNI_PLUGIN_SWITCH_OVS_OVSDB_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "conf/json/json_write.h"

/* Zero-initialise it. */
struct ovsdb_request {
	struct json_writer json;
	size_t operations;
	uint32_t wait_ms; /* how long the server is asked to wait */
};
void ovsdb_request_clear(struct ovsdb_request *request);

/* Begins an operation, whose further members follow, and ends it. */
void ovsdb_begin(struct ovsdb_request *request, const char *op, const char *table);
void ovsdb_end(struct ovsdb_request *request);

/* "where": one condition. @function: "==", "!=" or "includes". */
void ovsdb_where_text(struct ovsdb_request *request, const char *column,
		      const char *function, const char *value);
void ovsdb_where_uuid(struct ovsdb_request *request, const char *column,
		      const char *function, const char *uuid);
void ovsdb_where_number(struct ovsdb_request *request, const char *column,
			const char *function, int64_t value);
/* The rows whose set has entries. */
void ovsdb_where_any(struct ovsdb_request *request, const char *column);
/* The rows whose map has these keys with these values: @pairs is up to NULL. */
void ovsdb_where_map(struct ovsdb_request *request, const char *column,
		     const char *const *pairs);
void ovsdb_where_all(struct ovsdb_request *request);

/* "columns": up to NULL. */
void ovsdb_columns(struct ovsdb_request *request, const char *const *columns);

/* Begins a `wait` of at most @ms; then the caller says where, and ends it. The first doesn't
 * wait, but fails with "timed out" where a row is there; the second waits until the set
 * @column of the row has entries, the third until its number isn't @value. */
void ovsdb_begin_wait_gone(struct ovsdb_request *request, const char *table);
void ovsdb_begin_wait_any(struct ovsdb_request *request, const char *table,
			  const char *column, uint32_t ms);
void ovsdb_begin_wait_number(struct ovsdb_request *request, const char *table,
			     const char *column, int64_t value, uint32_t ms);

/* The notation of values, as entries of a list (@key NULL) or as members. */
void ovsdb_put_pair(struct ovsdb_request *request, const char *key, const char *tag,
		    const char *value);
void ovsdb_open_tagged(struct ovsdb_request *request, const char *key, const char *tag);
void ovsdb_close_tagged(struct ovsdb_request *request);
void ovsdb_put_map_entry(struct ovsdb_request *request, const char *key,
			 const char *value);

/* "mutations": inserts the @pair ("uuid" or "named-uuid") into the set @column, or deletes
 * it (@mutator "insert", "delete"). */
void ovsdb_mutation(struct ovsdb_request *request, const char *column,
		    const char *mutator, const char *pair, const char *value);

/* "mutations": adds 1 to a number. */
void ovsdb_increment(struct ovsdb_request *request, const char *column);

/* Ends the request, and gives its text, which the caller frees. NULL: memory ran out. */
char *ovsdb_request_text(struct ovsdb_request *request, int64_t id);

#endif
