/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks the tables of keys. The schema has what they have: names, types, limits, words.
 * What a check function judges it doesn't have; `bridge-cni validate` does. It is narrower
 * than ADD in two things: keys have one spelling, and null is no value.
 */
#include "schema.h"

#include <string.h>

#include "conf/json/json_table.h"
#include "conf/json/json_write.h"
#include "conf/key_tables.h"
#include "conf/names.h"
#include "conf/net_list_check.h"
#include "conf/version.h"
#include "plugin/each_network.h"

#define TYPES_MAX      16
#define HOST_LOCAL     "host-local"
#define NAME_PATTERN   "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"
#define IP_PATTERN     "^[0-9A-Fa-f:.]*$"
#define PREFIX_PATTERN "^[0-9A-Fa-f:.]+/[0-9]+$"

/* The types that several tables have for one value, each of which reads a part of it. */
struct types {
	const struct json_type *items[TYPES_MAX];
	size_t n;
};

/* Objects in which other programs have keys as well. */
static const char *const open_keys[] = {"args", "cni", "runtimeConfig"};

static void value_write(struct json_writer *writer, const char *key,
			const struct types *types);

static const struct json_field *field_of(const struct json_type *type, const char *key)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (strcmp(type->fields[i].key, key) == 0)
			return &type->fields[i];
	return NULL;
}

/* All types of the key, of those tables from @first on that have it. */
static struct types types_of(const struct types *tables, size_t first, const char *key)
{
	struct types found = {};

	for (size_t i = first; i < tables->n; i++) {
		const struct json_field *field = field_of(tables->items[i], key);

		if (field)
			found.items[found.n++] = field->type;
	}
	return found;
}

static bool is_in(const struct types *tables, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (field_of(tables->items[i], key))
			return true;
	return false;
}

static void text_write(struct json_writer *writer, const struct json_type *type)
{
	json_text(writer, "type", "string");
	if (!type->words)
		return;
	json_open(writer, "enum", '[');
	for (const char *const *word = type->words; *word; word++)
		json_text(writer, NULL, *word);
	if (type->or_zero)
		json_text(writer, NULL, "");
	json_close(writer, ']');
}

static void limits_write(struct json_writer *writer, int64_t min, int64_t max)
{
	json_number(writer, "minimum", min);
	json_number(writer, "maximum", max);
}

static void integer_write(struct json_writer *writer, const struct json_type *type)
{
	json_text(writer, "type", "integer");
	if (!type->or_zero || type->min <= 1) {
		limits_write(writer, type->or_zero ? 0 : type->min, type->max);
		return;
	}
	json_open(writer, "anyOf", '[');
	json_open(writer, NULL, '{');
	json_number(writer, "const", 0);
	json_close(writer, '}');
	json_open(writer, NULL, '{');
	limits_write(writer, type->min, type->max);
	json_close(writer, '}');
	json_close(writer, ']');
}

static void version_write(struct json_writer *writer, const char *key)
{
	json_open(writer, key, '{');
	json_open(writer, "enum", '[');
	for (int v = 0; v < CNI_VERSIONS; v++)
		json_text(writer, NULL, cni_version_names[v]);
	json_close(writer, ']');
	json_close(writer, '}');
}

static void name_write(struct json_writer *writer, const char *key)
{
	json_open(writer, key, '{');
	json_text(writer, "type", "string");
	json_text(writer, "pattern", NAME_PATTERN);
	json_number(writer, "maxLength", CNI_NAME_MAX);
	json_close(writer, '}');
}

static void reference_write(struct json_writer *writer, const char *key, const char *to)
{
	json_open(writer, key, '{');
	json_text(writer, "$ref", to);
	json_close(writer, '}');
}

/* "if" the object has this type, "then" it is as @to says. */
static void if_type_write(struct json_writer *writer, const char *type, const char *to)
{
	json_open(writer, "if", '{');
	json_open(writer, "properties", '{');
	json_open(writer, "type", '{');
	json_text(writer, "const", type);
	json_close(writer, '}');
	json_close(writer, '}');
	json_open(writer, "required", '[');
	json_text(writer, NULL, "type");
	json_close(writer, ']');
	json_close(writer, '}');
	reference_write(writer, "then", to);
}

/* Another IPAM's keys are its own. */
static void ipam_write(struct json_writer *writer, const char *key)
{
	json_open(writer, key, '{');
	json_text(writer, "type", "object");
	json_open(writer, "properties", '{');
	json_open(writer, "type", '{');
	json_text(writer, "type", "string");
	json_close(writer, '}');
	json_close(writer, '}');
	if_type_write(writer, HOST_LOCAL, "#/definitions/hostLocal");
	json_close(writer, '}');
}

/* libcni reads a capability as a boolean, whoever's it is. */
static void capabilities_write(struct json_writer *writer, const char *key,
			       const struct types *types)
{
	json_open(writer, key, '{');
	json_text(writer, "type", "object");
	json_open(writer, "properties", '{');
	for (size_t i = 0; i < types->items[0]->n_fields; i++)
		value_write(writer, types->items[0]->fields[i].key,
			    &(struct types){{types->items[0]->fields[i].type}, 1});
	json_close(writer, '}');
	json_open(writer, "additionalProperties", '{');
	json_text(writer, "type", "boolean");
	json_close(writer, '}');
	json_close(writer, '}');
}

/* Keys of the specification, which have the same form wherever they stand. */
static void other_write(struct json_writer *writer, const char *key)
{
	if (strcmp(key, "cniVersion") == 0) {
		version_write(writer, key);
	} else if (strcmp(key, "name") == 0) {
		name_write(writer, key);
	} else {
		json_open(writer, key, '{');
		json_close(writer, '}');
	}
}

static void property_write(struct json_writer *writer, const char *key,
			   const struct types *tables, size_t table)
{
	const struct types types = types_of(tables, table, key);

	if (strcmp(key, "ipam") == 0)
		ipam_write(writer, key);
	else if (strcmp(key, "capabilities") == 0)
		capabilities_write(writer, key, &types);
	else if (tables->items[table] == &others_root)
		other_write(writer, key);
	else
		value_write(writer, key, &types);
}

/* Does the key belong beside "plugins", and not into a plugin? */
static bool is_of_lists(const struct json_type *table, const char *key)
{
	return table == &others_root && field_of(&net_list_root, key) &&
	       strcmp(key, "name") != 0 && strcmp(key, "cniVersion") != 0;
}

static void properties_write(struct json_writer *writer, const struct types *tables)
{
	json_open(writer, "properties", '{');
	for (size_t i = 0; i < tables->n; i++)
		for (size_t k = 0; k < tables->items[i]->n_fields; k++) {
			const char *key = tables->items[i]->fields[k].key;

			if (!is_in(tables, i, key) && !is_of_lists(tables->items[i], key))
				property_write(writer, key, tables, i);
		}
	json_close(writer, '}');
}

static void required_write(struct json_writer *writer, const struct types *tables)
{
	bool is_open = false;

	for (size_t i = 0; i < tables->n; i++)
		for (size_t k = 0; k < tables->items[i]->n_fields; k++) {
			if (!tables->items[i]->fields[k].required)
				continue;
			if (!is_open)
				json_open(writer, "required", '[');
			is_open = true;
			json_text(writer, NULL, tables->items[i]->fields[k].key);
		}
	if (is_open)
		json_close(writer, ']');
}

static void object_write(struct json_writer *writer, const char *key,
			 const struct types *tables)
{
	bool is_open = false;

	for (size_t i = 0; key && i < ARRAY_SIZE(open_keys); i++)
		is_open = is_open || strcmp(key, open_keys[i]) == 0;
	json_text(writer, "type", "object");
	properties_write(writer, tables);
	required_write(writer, tables);
	if (!is_open)
		json_bool(writer, "additionalProperties", false);
}

static void list_write(struct json_writer *writer, const struct json_type *type)
{
	json_text(writer, "type", "array");
	json_number(writer, "maxItems", type->max);
	value_write(writer, "items", &(struct types){{type->item}, 1});
}

static void level_write(struct json_writer *writer, const struct json_type *type)
{
	json_open(writer, "enum", '[');
	json_bool(writer, NULL, false);
	json_bool(writer, NULL, true);
	for (const char *const *word = type->words; *word; word++)
		json_text(writer, NULL, *word);
	json_close(writer, ']');
}

static void value_write(struct json_writer *writer, const char *key,
			const struct types *types)
{
	const struct json_type *type = types->items[0];

	json_open(writer, key, '{');
	switch (type->kind) {
	case JSON_TEXT:
		text_write(writer, type);
		break;
	case JSON_BOOL:
		json_text(writer, "type", "boolean");
		break;
	case JSON_LEVEL:
		level_write(writer, type);
		break;
	case JSON_U8:
	case JSON_U32:
	case JSON_U64:
		integer_write(writer, type);
		break;
	case JSON_IP:
	case JSON_PREFIX:
		json_text(writer, "type", "string");
		json_text(writer, "pattern",
			  type->kind == JSON_IP ? IP_PATTERN : PREFIX_PATTERN);
		break;
	case JSON_OBJECT:
		object_write(writer, key, types);
		break;
	case JSON_LIST:
		list_write(writer, type);
		break;
	}
	json_close(writer, '}');
}

static void list_property_write(struct json_writer *writer,
				const struct json_field *field)
{
	if (strcmp(field->key, "name") == 0 || strcmp(field->key, "cniVersion") == 0) {
		other_write(writer, field->key);
	} else if (strcmp(field->key, "plugins") == 0) {
		json_open(writer, field->key, '{');
		json_text(writer, "type", "array");
		json_number(writer, "minItems", 1);
		reference_write(writer, "items", "#/definitions/plugin");
		json_close(writer, '}');
	} else {
		value_write(writer, field->key, &(struct types){{field->type}, 1});
	}
}

static void list_definition_write(struct json_writer *writer)
{
	json_open(writer, "list", '{');
	json_open(writer, "properties", '{');
	for (size_t i = 0; i < net_list_root.n_fields; i++)
		list_property_write(writer, &net_list_root.fields[i]);
	json_close(writer, '}');
	json_open(writer, "required", '[');
	json_text(writer, NULL, "name");
	json_close(writer, ']');
	json_bool(writer, "additionalProperties", false);
	json_close(writer, '}');
}

/* A plugin of any type. */
static void plugin_definition_write(struct json_writer *writer)
{
	json_open(writer, "plugin", '{');
	json_text(writer, "type", "object");
	json_open(writer, "required", '[');
	json_text(writer, NULL, "type");
	json_close(writer, ']');
	if_type_write(writer, TYPE, "#/definitions/bridgeCni");
	json_close(writer, '}');
}

static void definitions_write(struct json_writer *writer)
{
	struct types roots, ipam;
	const struct json_type *const *tables = key_tables(true, &roots.n);

	memcpy(roots.items, tables, roots.n * sizeof(*tables));
	ipam = types_of(&roots, 0, "ipam");
	json_open(writer, "definitions", '{');
	list_definition_write(writer);
	plugin_definition_write(writer);
	value_write(writer, "bridgeCni", &roots);
	value_write(writer, "hostLocal", &ipam);
	json_close(writer, '}');
}

char *schema_text(void)
{
	struct json_writer writer = {};

	json_open(&writer, NULL, '{');
	json_text(&writer, "$schema", "http://json-schema.org/draft-07/schema#");
	json_text(&writer, "title", "A CNI configuration with bridge-cni");
	json_text(
		&writer, "$comment",
		"SPDX-License-Identifier: GPL-2.0-or-later. Made by `make generated` from the "
		"tables of keys in conf/. bridge-cni.conf(5) explains the keys, and "
		"`bridge-cni validate` finds more.");
	json_text(&writer, "type", "object");
	json_open(&writer, "if", '{');
	json_open(&writer, "required", '[');
	json_text(&writer, NULL, "plugins");
	json_close(&writer, ']');
	json_close(&writer, '}');
	reference_write(&writer, "then", "#/definitions/list");
	reference_write(&writer, "else", "#/definitions/plugin");
	definitions_write(&writer);
	json_close(&writer, '}');
	return json_finish(&writer);
}
