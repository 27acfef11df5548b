/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks into a document whose shape no table can tell, because a list's entries are of
 * different kinds. A value is borrowed from its document. Each function takes NULL, and any
 * kind of value: what isn't there is NULL, 0 or false. Keys match in their exact case. */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_VALUE_H
#define BRIDGE_CNI_CONF_JSON_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_doc;
struct json_value;

const struct json_value *json_root(const struct json_doc *doc);

/* An object's member; where it has the key twice, the first one. */
const struct json_value *json_member(const struct json_value *object, const char *key);

/* A list's entries. */
bool json_is_list(const struct json_value *value);
size_t json_count(const struct json_value *list);
const struct json_value *json_entry(const struct json_value *list, size_t index);

bool json_is_null(const struct json_value *value);
const char *json_string(const struct json_value *value);
/* False: it is no number, or not a whole one of at most 2^53. */
bool json_integer(const struct json_value *value, int64_t *ret_number);

/* The value as JSON text, which the caller frees. NULL: memory ran out. */
char *json_value_print(const struct json_value *value);

#endif
