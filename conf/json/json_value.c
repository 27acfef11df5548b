/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A value is a cJSON under another name, so that no other folder needs cJSON's header. */
#include "json_value.h"

#include <limits.h>

#include "json_cjson.h"

#define WHOLE_MAX 9007199254740992.0 /* 2^53: doubles are whole numbers up to there */

static const cJSON *of(const struct json_value *value)
{
	return (const cJSON *)value;
}

static const struct json_value *value_of(const cJSON *value)
{
	return (const struct json_value *)value;
}

const struct json_value *json_root(const struct json_doc *doc)
{
	return doc ? value_of(doc->root) : NULL;
}

const struct json_value *json_member(const struct json_value *object, const char *key)
{
	if (!cJSON_IsObject(of(object)))
		return NULL;
	return value_of(cJSON_GetObjectItemCaseSensitive(of(object), key));
}

bool json_is_list(const struct json_value *value)
{
	return cJSON_IsArray(of(value));
}

size_t json_count(const struct json_value *list)
{
	return cJSON_IsArray(of(list)) ? cJSON_GetArraySize(of(list)) : 0;
}

const struct json_value *json_entry(const struct json_value *list, size_t index)
{
	if (!cJSON_IsArray(of(list)) || index > INT_MAX)
		return NULL;
	return value_of(cJSON_GetArrayItem(of(list), (int)index));
}

bool json_is_null(const struct json_value *value)
{
	return cJSON_IsNull(of(value));
}

const char *json_string(const struct json_value *value)
{
	return cJSON_GetStringValue((cJSON *)of(value));
}

bool json_integer(const struct json_value *value, int64_t *ret_number)
{
	double number;

	if (!cJSON_IsNumber(of(value)))
		return false;
	number = of(value)->valuedouble;
	if (!(number >= -WHOLE_MAX && number <= WHOLE_MAX) ||
	    number != (double)(int64_t)number)
		return false;
	*ret_number = (int64_t)number;
	return true;
}

char *json_value_print(const struct json_value *value)
{
	return cJSON_PrintUnformatted(of(value));
}
