/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks two trees of cJSON side by side. Both came through json_scan(), which bounds
 * their depth, and so the recursion here. */
#include "json_overlay.h"

#include "conf/base/text.h"
#include "conf/base/util.h"
#include "json_cjson.h"
#include "json_path.h"

static cJSON *member_of(const cJSON *object, const char *key)
{
	cJSON *member;

	cJSON_ArrayForEach(member, object)
	{
		if (json_is_key(member->string, key))
			return member;
	}
	return NULL;
}

static bool is_list_of_objects(const cJSON *value)
{
	return value && cJSON_IsArray(value) && cJSON_IsObject(value->child);
}

/* Puts a copy of @value in the place of @former, an entry of @parent, under the key that
 * this has; NULL: at its end. */
static int put(cJSON *parent, cJSON *former, const cJSON *value, struct cni_error *err)
{
	cJSON *copy = cJSON_Duplicate(value, true);
	bool done;

	if (former && former->string)
		done = cJSON_ReplaceItemInObjectCaseSensitive(parent, former->string,
							      copy);
	else if (former)
		done = cJSON_ReplaceItemViaPointer(parent, former, copy);
	else if (cJSON_IsObject(parent))
		done = cJSON_AddItemToObject(parent, value->string, copy);
	else
		done = cJSON_AddItemToArray(parent, copy);
	if (done)
		return 0;
	cJSON_Delete(copy);
	return error_oom(err);
}

static int overlay(cJSON *parent, cJSON *former, const cJSON *value,
		   const struct json_path *path, struct cni_error *err);

static int overlay_object(cJSON *object, const cJSON *over, const struct json_path *path,
			  struct cni_error *err)
{
	const cJSON *member;
	int ret = 0;

	cJSON_ArrayForEach(member, over)
	{
		const struct json_path at = {.parent = path, .key = member->string};
		const cJSON *first = member_of(over, member->string);

		if (first && first != member)
			return json_twice(&at, first->string, member->string, err);
		if (cJSON_IsNull(member))
			continue;
		ret = overlay(object, member_of(object, member->string), member, &at,
			      err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int overlay_list(cJSON *list, const cJSON *over, const struct json_path *path,
			struct cni_error *err)
{
	struct json_path at = {.parent = path};
	cJSON *entry = list->child;
	const cJSON *value;
	int ret = 0;

	cJSON_ArrayForEach(value, over)
	{
		/* An entry that is replaced has no next one any more. */
		cJSON *next = entry ? entry->next : NULL;

		ret = overlay(list, entry, value, &at, err);
		if (ret < 0)
			return ret;
		entry = next;
		at.index++;
	}
	return 0;
}

/* Lays @value over @former, an entry of @parent; NULL: it is added to @parent. */
static int overlay(cJSON *parent, cJSON *former, const cJSON *value,
		   const struct json_path *path, struct cni_error *err)
{
	if (cJSON_IsObject(former) && cJSON_IsObject(value))
		return overlay_object(former, value, path, err);
	if (is_list_of_objects(former) && is_list_of_objects(value))
		return overlay_list(former, value, path, err);
	return put(parent, former, value, err);
}

int json_overlay(struct json_doc *doc, const struct json_doc *over, struct cni_error *err)
{
	return overlay_object(doc->root, over->root, NULL, err);
}

char *json_doc_text(const struct json_doc *doc)
{
	_cleanup_(free_p) char *printed = cJSON_Print(doc->root);
	struct text text = {};

	if (!printed)
		return NULL;
	/* cJSON lays out with tabs, which are escaped where they are in strings. */
	for (const char *c = printed, *end; *c; c = end) {
		end = c + strcspn(c, "\t");
		text_put(&text, c, end - c);
		for (; *end == '\t'; end++)
			text_add(&text, "%s", end[-1] == ':' ? " " : "    ");
	}
	text_add(&text, "\n");
	if (!text.failed)
		return text.text;
	free(text.text);
	return NULL;
}
