/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks into a document for single values. */
#include "json_query.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "json_cjson.h"
#include "json_table.h"

#define TABLES_MAX 16 /* tables that share an object */

static const cJSON *member_of(const cJSON *object, const char *key)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, object)
	{
		if (json_is_key(member->string, key))
			return member;
	}
	return NULL;
}

bool json_has_list(const struct json_doc *doc, const char *key)
{
	return cJSON_IsArray(member_of(doc->root, key));
}

const char *json_member_text(const struct json_doc *doc, const char *key,
			     const char *member)
{
	const cJSON *object = member_of(doc->root, key);

	return cJSON_GetStringValue(cJSON_IsObject(object) ? member_of(object, member)
							   : NULL);
}

const char *json_other_member(const struct json_doc *doc, const char *key,
			      const char *except)
{
	const cJSON *object = member_of(doc->root, key), *member;

	if (!cJSON_IsObject(object))
		return NULL;
	cJSON_ArrayForEach(member, object)
	{
		if (!cJSON_IsNull(member) && !json_is_key(member->string, except))
			return member->string;
	}
	return NULL;
}

int json_text_at(const struct json_doc *doc, const char *const *keys,
		 const char **ret_text)
{
	const cJSON *value = doc->root;

	for (; value && !cJSON_IsNull(value) && *keys; keys++) {
		if (!cJSON_IsObject(value))
			return -EINVAL;
		value = member_of(value, *keys);
	}
	if (value && !cJSON_IsNull(value) && !cJSON_IsString(value))
		return -EINVAL;
	*ret_text = cJSON_GetStringValue(value);
	return 0;
}

bool json_has_at(const struct json_doc *doc, const char *const *keys)
{
	const cJSON *value = doc->root;

	for (; value && *keys; keys++)
		value = cJSON_IsObject(value) ? member_of(value, *keys) : NULL;
	return value && !cJSON_IsNull(value);
}

const char *json_spelling(const struct json_doc *doc, const char *key)
{
	const cJSON *member = member_of(doc->root, key);

	return member ? member->string : NULL;
}

/* The tables of one object, or of one value of it. */
struct tables {
	const struct json_type *items[TABLES_MAX];
	size_t n;
};

static const struct json_type *type_of_key(const struct json_type *table, const char *key)
{
	for (size_t i = 0; i < table->n_fields; i++)
		if (json_is_key(key, table->fields[i].key))
			return table->fields[i].type;
	return NULL;
}

/*
 * Finds the types that @tables have for the key; false: none of them knows it. Where the
 * value is an object or a list, several tables may each read a part of it, and all their
 * types are found. A string, number or boolean belongs to the first table that knows it.
 */
static bool tables_of_key(const struct tables *tables, const char *key,
			  struct tables *ret_tables)
{
	bool goes_on = true;

	ret_tables->n = 0;
	for (size_t i = 0; goes_on && i < tables->n; i++) {
		const struct json_type *type = type_of_key(tables->items[i], key);

		if (!type)
			continue;
		ret_tables->items[ret_tables->n++] = type;
		goes_on = type->kind == JSON_OBJECT || type->kind == JSON_LIST;
	}
	return ret_tables->n > 0;
}

struct search {
	json_unknown_fn fn;
	void *data;
};

static void value_search(const cJSON *value, const struct json_path *path,
			 const struct tables *types, const struct search *search);

static void object_search(const cJSON *object, const struct json_path *path,
			  const struct tables *tables, const struct search *search)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, object)
	{
		struct json_path at = {.parent = path, .key = member->string};
		struct tables types;

		if (tables_of_key(tables, member->string, &types))
			value_search(member, &at, &types, search);
		else
			search->fn(&at, tables->items, tables->n, search->data);
	}
}

static void list_search(const cJSON *list, const struct json_path *path,
			const struct tables *types, const struct search *search)
{
	struct json_path at = {.parent = path};
	const cJSON *entry;

	cJSON_ArrayForEach(entry, list)
	{
		value_search(entry, &at, types, search);
		at.index++;
	}
}

static void value_search(const cJSON *value, const struct json_path *path,
			 const struct tables *types, const struct search *search)
{
	struct tables objects, items;

	objects.n = items.n = 0;
	for (size_t i = 0; i < types->n; i++) {
		const struct json_type *type = types->items[i];

		if (type->kind == JSON_OBJECT)
			objects.items[objects.n++] = type;
		else if (type->kind == JSON_LIST)
			items.items[items.n++] = type->item;
	}
	if (cJSON_IsObject(value) && objects.n > 0)
		object_search(value, path, &objects, search);
	else if (cJSON_IsArray(value) && items.n > 0)
		list_search(value, path, &items, search);
}

void json_unknown_keys(const struct json_doc *doc, const struct json_type *const *roots,
		       size_t n, json_unknown_fn fn, void *data)
{
	const struct search search = {fn, data};
	struct tables tables;

	assert(n <= TABLES_MAX);
	for (tables.n = 0; tables.n < n; tables.n++)
		tables.items[tables.n] = roots[tables.n];
	object_search(doc->root, NULL, &tables, &search);
}

static void null_search(const cJSON *value, const struct json_path *path, json_null_fn fn,
			void *data)
{
	struct json_path at = {.parent = path};
	const cJSON *inner;

	if (cJSON_IsNull(value))
		fn(path, data);
	cJSON_ArrayForEach(inner, value)
	{
		at.key = inner->string;
		null_search(inner, &at, fn, data);
		at.index++;
	}
}

void json_null_values(const struct json_doc *doc, json_null_fn fn, void *data)
{
	null_search(doc->root, NULL, fn, data);
}

/* Deletes all members of that key; they may differ in case. */
static void member_delete(cJSON *object, const char *key)
{
	while (cJSON_GetObjectItem(object, key))
		cJSON_DeleteItemFromObject(object, key);
}

/* Gives @object, which it deletes, those members of @from that are among @keys, in place
 * of its own. Returns its text. */
static char *text_with_members(cJSON *object, const cJSON *from, const char *const *keys)
{
	char *text = NULL;
	bool whole = object;

	for (; whole && *keys; keys++) {
		const cJSON *value = member_of(from, *keys);

		member_delete(object, *keys);
		whole = !value || cJSON_AddItemToObject(object, *keys,
							cJSON_Duplicate(value, true));
	}
	if (whole)
		text = cJSON_PrintUnformatted(object);
	cJSON_Delete(object);
	return text;
}

char *json_entry_text(const struct json_doc *doc, const char *list, size_t index,
		      const char *const *keys)
{
	const cJSON *entry = cJSON_GetArrayItem(cJSON_GetObjectItem(doc->root, list),
						index);

	return text_with_members(cJSON_Duplicate(entry, true), doc->root, keys);
}

char *json_members_text(const struct json_doc *doc, const char *const *keys)
{
	return text_with_members(cJSON_CreateObject(), doc->root, keys);
}

char *json_text_with_true(const struct json_doc *doc, const char *list, size_t index,
			  const char *key)
{
	cJSON *copy = cJSON_Duplicate(doc->root, true);
	cJSON *entry = cJSON_GetArrayItem(cJSON_GetObjectItem(copy, list), index);
	char *text = NULL;

	member_delete(entry, key);
	if (cJSON_AddTrueToObject(entry, key))
		text = cJSON_Print(copy);
	cJSON_Delete(copy);
	return text;
}
