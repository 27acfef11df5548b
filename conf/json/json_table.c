/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a document by tables. Other files have the tables: conf/network.c those of a
 * network's own keys, for example.
 */
#include "json_table.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/addr.h"
#include "json_cjson.h"
#include "json_words.h"

const struct json_type text_type = {.kind = JSON_TEXT};
const struct json_type bool_type = {.kind = JSON_BOOL};
const struct json_type u32_type = {.kind = JSON_U32, .max = UINT32_MAX};
const struct json_type ip_type = {.kind = JSON_IP};
const struct json_type prefix_type = {.kind = JSON_PREFIX};

static int network_prefix_check(void *value, const struct json_path *path,
				struct cni_error *err)
{
	const struct ip_prefix *prefix = value;
	struct ip_prefix network = prefix_network(prefix);

	if (prefix_equal(&network, prefix))
		return 0;
	return json_error(path, NULL, err, "%s has host bits set: the network is %s",
			  PREFIX_TEXT(prefix), PREFIX_TEXT(&network));
}

const struct json_type network_prefix_type = {
	.kind = JSON_PREFIX,
	.check = network_prefix_check,
};

#define VALUE_TEXT(value) json_value_text((value), (char[JSON_VALUE_TEXT_MAX]){})

static const char *expected_format(const struct json_type *type, char buf[64])
{
	switch (type->kind) {
	case JSON_TEXT:
		return "a string";
	case JSON_BOOL:
		return "true or false";
	case JSON_LEVEL:
		return json_level_expected(type->words, buf);
	case JSON_IP:
		return "an IP address";
	case JSON_PREFIX:
		return "a CIDR such as 10.1.2.0/24";
	case JSON_OBJECT:
		return "an object";
	case JSON_LIST:
		return "a list";
	case JSON_U8:
	case JSON_U32:
	case JSON_U64:
		break;
	}
	snprintf(buf, 64, "an integer from %" PRIu64 " to %" PRIu64, type->min,
		 type->max);
	return buf;
}

#define EXPECTED(type) expected_format((type), (char[64]){})

static int wrong_type(const cJSON *value, const struct json_type *type,
		      const struct json_path *path, struct cni_error *err)
{
	const char *is = cJSON_IsString(value)	 ? "a string"
			 : cJSON_IsNumber(value) ? "a number"
			 : cJSON_IsBool(value)	 ? "a boolean"
			 : cJSON_IsObject(value) ? "an object"
			 : cJSON_IsArray(value)	 ? "a list"
						 : "no value";

	return json_error(path, NULL, err, "%s is %s, expected %s", VALUE_TEXT(value), is,
			  EXPECTED(type));
}

static int read_value(const cJSON *value, const struct json_type *type, void *ret_value,
		      const struct json_path *path, struct cni_error *err);

static int read_integer(const cJSON *value, const struct json_type *type, void *ret_value,
			const struct json_path *path, struct cni_error *err)
{
	double number = value->valuedouble;
	bool in_range = (number >= type->min && number <= type->max) ||
			(type->or_zero && number == 0);

	if (!in_range)
		return json_error(path, NULL, err, "%s is out of range, expected %s",
				  VALUE_TEXT(value), EXPECTED(type));
	if (number != (uint64_t)number)
		return json_error(path, NULL, err, "%s is not whole, expected %s",
				  VALUE_TEXT(value), EXPECTED(type));
	if (type->kind == JSON_U8)
		*(uint8_t *)ret_value = number;
	else if (type->kind == JSON_U32)
		*(uint32_t *)ret_value = number;
	else
		*(uint64_t *)ret_value = number;
	return 0;
}

static int refuse_mapped(const struct ip_addr *addr, const cJSON *value,
			 const struct json_path *path, struct cni_error *err)
{
	if (!ip_is_v4_mapped(addr))
		return 0;
	return json_error(
		path, NULL, err,
		"%s is an IPv4-mapped IPv6 address, expected plain IPv4 or IPv6",
		VALUE_TEXT(value));
}

static int read_ip(const cJSON *value, struct ip_addr *ret_value,
		   const struct json_path *path, struct cni_error *err)
{
	struct ip_addr addr;
	int ret;

	if (!*value->valuestring)
		return 0;
	if (ip_parse(value->valuestring, &addr) < 0)
		return json_error(
			path, NULL, err, "%s is not an IP address%s", VALUE_TEXT(value),
			*value->valuestring == '[' ? ": write it without brackets" : "");
	ret = refuse_mapped(&addr, value, path, err);
	if (ret < 0)
		return ret;
	*ret_value = addr;
	return 0;
}

static int read_prefix(const cJSON *value, struct ip_prefix *ret_value,
		       const struct json_path *path, struct cni_error *err)
{
	struct ip_prefix prefix;
	int ret = prefix_parse(value->valuestring, &prefix);

	if (ret == -ERANGE)
		return json_error(path, NULL, err,
				  "%s is not a CIDR: the prefix length is at most %d",
				  VALUE_TEXT(value),
				  strchr(value->valuestring, ':') ? 128 : 32);
	if (ret < 0)
		return json_error(path, NULL, err, "%s is not a CIDR such as 10.1.2.0/24",
				  VALUE_TEXT(value));
	ret = refuse_mapped(&prefix.addr, value, path, err);
	if (ret < 0)
		return ret;
	*ret_value = prefix;
	return 0;
}

/* The member of that name in any case, or NULL; given twice is an error. */
static int find_member(const cJSON *object, const char *key, const struct json_path *path,
		       const cJSON **ret_value, struct cni_error *err)
{
	const cJSON *found = NULL, *member;

	cJSON_ArrayForEach(member, object)
	{
		if (!json_is_key(member->string, key))
			continue;
		if (found)
			return json_twice(path, found->string, member->string, err);
		found = member;
	}
	*ret_value = cJSON_IsNull(found) ? NULL : found;
	return 0;
}

static int judge_members(const cJSON *object, const struct json_type *item,
			 const struct json_path *path, struct cni_error *err)
{
	int ret = 0;

	for (const cJSON *m = object->child; ret == 0 && m; m = m->next) {
		struct json_path at = {.parent = path, .key = m->string};
		uint64_t unused;

		if (!cJSON_IsNull(m))
			ret = read_value(m, item, &unused, &at, err);
	}
	return ret;
}

static int read_object(const cJSON *object, const struct json_type *type, void *ret_value,
		       const struct json_path *path, struct cni_error *err)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct json_field *field = &type->fields[i];
		struct json_path at = {.parent = path, .key = field->key};
		const cJSON *value = NULL;
		int ret;

		ret = find_member(object, field->key, &at, &value, err);
		if (ret < 0)
			return ret;
		if (!value && field->required)
			return json_error(&at, NULL, err, "missing, expected %s",
					  EXPECTED(field->type));
		if (!value)
			continue;
		ret = read_value(value, field->type, (char *)ret_value + field->offset,
				 &at, err);
		if (ret < 0)
			return ret;
		if (field->set_offset)
			*(bool *)((char *)ret_value + field->set_offset) = true;
	}
	return type->item ? judge_members(object, type->item, path, err) : 0;
}

/* Lists are structures {T *items; size_t n;}: copied, since aliasing them isn't C. */
static struct json_list list_get(const void *value)
{
	struct json_list list;

	memcpy(&list, value, sizeof(list));
	return list;
}

static int read_list(const cJSON *array, const struct json_type *type, void *ret_value,
		     const struct json_path *path, struct cni_error *err)
{
	struct json_list list = {.n = cJSON_GetArraySize(array)};
	const cJSON *entry;
	size_t i = 0;

	assert(list_get(ret_value).items == NULL);
	if (list.n > type->max)
		return json_error(path, NULL, err,
				  "%zu entries, expected at most %" PRIu64, list.n,
				  type->max);
	if (list.n == 0)
		return 0;
	list.items = calloc(list.n, type->item_size);
	if (!list.items)
		return error_oom(err);
	/* Handed over first, so that json_clear() finds what was read on failure. */
	memcpy(ret_value, &list, sizeof(list));
	cJSON_ArrayForEach(entry, array)
	{
		struct json_path at = {.parent = path, .index = i};
		int ret = read_value(entry, type->item,
				     (char *)list.items + i * type->item_size, &at, err);

		if (ret < 0)
			return ret;
		i++;
	}
	return 0;
}

static bool has_kind(const cJSON *value, enum json_kind kind)
{
	switch (kind) {
	case JSON_TEXT:
	case JSON_IP:
	case JSON_PREFIX:
		return cJSON_IsString(value);
	case JSON_BOOL:
		return cJSON_IsBool(value);
	case JSON_LEVEL:
		return cJSON_IsBool(value) || cJSON_IsString(value);
	case JSON_U8:
	case JSON_U32:
	case JSON_U64:
		return cJSON_IsNumber(value);
	case JSON_OBJECT:
		return cJSON_IsObject(value);
	case JSON_LIST:
		return cJSON_IsArray(value);
	}
	return false;
}

static int read_unchecked(const cJSON *value, const struct json_type *type,
			  void *ret_value, const struct json_path *path,
			  struct cni_error *err)
{
	switch (type->kind) {
	case JSON_TEXT:
		return json_read_text(value, type->words, type->or_zero, ret_value, path,
				      err);
	case JSON_BOOL:
		*(bool *)ret_value = cJSON_IsTrue(value);
		return 0;
	case JSON_LEVEL:
		return json_read_level(value, type->words, ret_value, path, err);
	case JSON_U8:
	case JSON_U32:
	case JSON_U64:
		return read_integer(value, type, ret_value, path, err);
	case JSON_IP:
		return read_ip(value, ret_value, path, err);
	case JSON_PREFIX:
		return read_prefix(value, ret_value, path, err);
	case JSON_OBJECT:
		return read_object(value, type, ret_value, path, err);
	case JSON_LIST:
		return read_list(value, type, ret_value, path, err);
	}
	return -EINVAL;
}

static int read_value(const cJSON *value, const struct json_type *type, void *ret_value,
		      const struct json_path *path, struct cni_error *err)
{
	int ret;

	if (!has_kind(value, type->kind))
		return wrong_type(value, type, path, err);
	ret = read_unchecked(value, type, ret_value, path, err);
	if (ret < 0)
		return ret;
	return type->check ? type->check(ret_value, path, err) : 0;
}

int json_read(const struct json_doc *doc, const struct json_type *type, void *ret_value,
	      struct cni_error *err)
{
	int ret = read_value(doc->root, type, ret_value, NULL, err);

	if (ret < 0)
		json_clear(type, ret_value);
	return ret;
}

void json_clear(const struct json_type *type, void *value)
{
	struct json_list list;

	if (type->kind == JSON_OBJECT) {
		for (size_t i = 0; i < type->n_fields; i++)
			json_clear(type->fields[i].type,
				   (char *)value + type->fields[i].offset);
	} else if (type->kind == JSON_LIST) {
		list = list_get(value);
		for (size_t i = 0; i < list.n; i++)
			json_clear(type->item, (char *)list.items + i * type->item_size);
		free(list.items);
		memset(value, 0, sizeof(list));
	}
}
