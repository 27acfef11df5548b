/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ovsdb_request.h"

#include <stdbool.h>
#include <stdlib.h>

/* Opens what stands around all operations, before the first one. */
static void request_begin(struct ovsdb_request *request)
{
	struct json_writer *json = &request->json;

	if (request->operations++)
		return;
	json_open(json, NULL, '{');
	json_text(json, "method", "transact");
	json_open(json, "params", '[');
	json_text(json, NULL, "Open_vSwitch");
}

char *ovsdb_request_text(struct ovsdb_request *request, int64_t id)
{
	struct json_writer *json = &request->json;
	char *text;

	json_close(json, ']');
	json_number(json, "id", id);
	json_close(json, '}');
	text = json_finish(json);
	*request = (struct ovsdb_request){};
	return text;
}

void ovsdb_request_clear(struct ovsdb_request *request)
{
	free(request->json.out.text);
	*request = (struct ovsdb_request){};
}

void ovsdb_begin(struct ovsdb_request *request, const char *op, const char *table)
{
	request_begin(request);
	json_open(&request->json, NULL, '{');
	json_text(&request->json, "op", op);
	json_text(&request->json, "table", table);
}

void ovsdb_end(struct ovsdb_request *request)
{
	json_close(&request->json, '}');
}

void ovsdb_open_tagged(struct ovsdb_request *request, const char *key, const char *tag)
{
	json_open(&request->json, key, '[');
	json_text(&request->json, NULL, tag);
	json_open(&request->json, NULL, '[');
}

void ovsdb_close_tagged(struct ovsdb_request *request)
{
	json_close(&request->json, ']');
	json_close(&request->json, ']');
}

void ovsdb_put_pair(struct ovsdb_request *request, const char *key, const char *tag,
		    const char *value)
{
	json_open(&request->json, key, '[');
	json_text(&request->json, NULL, tag);
	json_text(&request->json, NULL, value);
	json_close(&request->json, ']');
}

void ovsdb_put_map_entry(struct ovsdb_request *request, const char *key,
			 const char *value)
{
	ovsdb_put_pair(request, NULL, key, value);
}

static void empty_set(struct ovsdb_request *request, const char *key)
{
	ovsdb_open_tagged(request, key, "set");
	ovsdb_close_tagged(request);
}

static void where_open(struct ovsdb_request *request, const char *column,
		       const char *function)
{
	json_open(&request->json, "where", '[');
	json_open(&request->json, NULL, '[');
	json_text(&request->json, NULL, column);
	json_text(&request->json, NULL, function);
}

static void where_close(struct ovsdb_request *request)
{
	json_close(&request->json, ']');
	json_close(&request->json, ']');
}

void ovsdb_where_text(struct ovsdb_request *request, const char *column,
		      const char *function, const char *value)
{
	where_open(request, column, function);
	json_text(&request->json, NULL, value);
	where_close(request);
}

void ovsdb_where_uuid(struct ovsdb_request *request, const char *column,
		      const char *function, const char *uuid)
{
	where_open(request, column, function);
	ovsdb_put_pair(request, NULL, "uuid", uuid);
	where_close(request);
}

void ovsdb_where_number(struct ovsdb_request *request, const char *column,
			const char *function, int64_t value)
{
	where_open(request, column, function);
	json_number(&request->json, NULL, value);
	where_close(request);
}

void ovsdb_where_map(struct ovsdb_request *request, const char *column,
		     const char *const *pairs)
{
	where_open(request, column, "includes");
	ovsdb_open_tagged(request, NULL, "map");
	for (; *pairs; pairs += 2)
		ovsdb_put_map_entry(request, pairs[0], pairs[1]);
	ovsdb_close_tagged(request);
	where_close(request);
}

void ovsdb_where_all(struct ovsdb_request *request)
{
	json_open(&request->json, "where", '[');
	json_close(&request->json, ']');
}

void ovsdb_where_any(struct ovsdb_request *request, const char *column)
{
	where_open(request, column, "!=");
	empty_set(request, NULL);
	where_close(request);
}

void ovsdb_columns(struct ovsdb_request *request, const char *const *columns)
{
	json_open(&request->json, "columns", '[');
	for (; *columns; columns++)
		json_text(&request->json, NULL, *columns);
	json_close(&request->json, ']');
}

/* Begins a wait for one column. Its "rows" follow, with which the rows are compared. */
static void begin_wait(struct ovsdb_request *request, const char *table,
		       const char *column, const char *until, uint32_t ms)
{
	const char *const columns[] = {column, NULL};

	ovsdb_begin(request, "wait", table);
	json_number(&request->json, "timeout", ms);
	request->wait_ms += ms;
	json_text(&request->json, "until", until);
	ovsdb_columns(request, columns);
	json_open(&request->json, "rows", '[');
}

void ovsdb_begin_wait_gone(struct ovsdb_request *request, const char *table)
{
	begin_wait(request, table, "name", "==", 0);
	json_close(&request->json, ']');
}

void ovsdb_begin_wait_any(struct ovsdb_request *request, const char *table,
			  const char *column, uint32_t ms)
{
	begin_wait(request, table, column, "!=", ms);
	json_open(&request->json, NULL, '{');
	empty_set(request, column);
	json_close(&request->json, '}');
	json_close(&request->json, ']');
}

void ovsdb_begin_wait_number(struct ovsdb_request *request, const char *table,
			     const char *column, int64_t value, uint32_t ms)
{
	begin_wait(request, table, column, "!=", ms);
	json_open(&request->json, NULL, '{');
	json_number(&request->json, column, value);
	json_close(&request->json, '}');
	json_close(&request->json, ']');
}

void ovsdb_increment(struct ovsdb_request *request, const char *column)
{
	struct json_writer *json = &request->json;

	json_open(json, "mutations", '[');
	json_open(json, NULL, '[');
	json_text(json, NULL, column);
	json_text(json, NULL, "+=");
	json_number(json, NULL, 1);
	json_close(json, ']');
	json_close(json, ']');
}

void ovsdb_mutation(struct ovsdb_request *request, const char *column,
		    const char *mutator, const char *pair, const char *value)
{
	struct json_writer *json = &request->json;

	json_open(json, "mutations", '[');
	json_open(json, NULL, '[');
	json_text(json, NULL, column);
	json_text(json, NULL, mutator);
	ovsdb_put_pair(request, NULL, pair, value);
	json_close(json, ']');
	json_close(json, ']');
}
