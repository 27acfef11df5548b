/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks two trees of cJSON side by side. Both came through json_scan(), which bounds
 * their depth, and so the recursion here. */
#include "json_diff.h"

#include <stdlib.h>

#include "conf/base/util.h"
#include "conf/base/utf8.h"
#include "json_cjson.h"
#include "json_path.h"

struct diff {
	json_diff_fn fn;
	void *data;
	bool ended;
};

/* Returns the value's text, cut to fit; NULL: there is no value. */
static const char *value_text(const cJSON *value, char buf[JSON_DIFF_VALUE_MAX])
{
	_cleanup_(free_p) char *text = value ? cJSON_PrintUnformatted(value) : NULL;
	size_t len;

	if (!value)
		return NULL;
	if (!text)
		return "?"; /* memory ran out */
	if (strlen(text) < JSON_DIFF_VALUE_MAX)
		return strcpy(buf, text);
	len = utf8_cut(text, JSON_DIFF_VALUE_MAX - sizeof("…"));
	memcpy(buf, text, len);
	strcpy(buf + len, "…");
	return buf;
}

static void tell(struct diff *diff, const struct json_path *path, const cJSON *left,
		 const cJSON *right)
{
	char where[JSON_PATH_MAX], left_buf[JSON_DIFF_VALUE_MAX],
		right_buf[JSON_DIFF_VALUE_MAX];

	diff->ended = !diff->fn(json_path_format(path, where), value_text(left, left_buf),
				value_text(right, right_buf), diff->data);
}

/* A list whose entries have keys or entries of their own. */
static bool is_structured(const cJSON *list)
{
	return list && cJSON_IsArray(list) && list->child &&
	       (cJSON_IsObject(list->child) || cJSON_IsArray(list->child));
}

static void compare(struct diff *diff, const struct json_path *path, const cJSON *left,
		    const cJSON *right);

static void compare_objects(struct diff *diff, const struct json_path *path,
			    const cJSON *left, const cJSON *right)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, left)
	{
		const struct json_path at = {.parent = path, .key = member->string};

		if (diff->ended)
			return;
		compare(diff, &at, member,
			cJSON_GetObjectItemCaseSensitive(right, member->string));
	}
	cJSON_ArrayForEach(member, right)
	{
		const struct json_path at = {.parent = path, .key = member->string};

		if (diff->ended)
			return;
		if (!cJSON_GetObjectItemCaseSensitive(left, member->string))
			compare(diff, &at, NULL, member);
	}
}

static void compare_lists(struct diff *diff, const struct json_path *path,
			  const cJSON *left, const cJSON *right)
{
	struct json_path at = {.parent = path};

	left = left->child;
	right = right->child;
	for (; !diff->ended && (left || right); at.index++) {
		compare(diff, &at, left, right);
		left = left ? left->next : NULL;
		right = right ? right->next : NULL;
	}
}

/* At least one of the two is there. */
static void compare(struct diff *diff, const struct json_path *path, const cJSON *left,
		    const cJSON *right)
{
	if (cJSON_IsObject(left) && cJSON_IsObject(right))
		compare_objects(diff, path, left, right);
	else if (is_structured(left) && is_structured(right))
		compare_lists(diff, path, left, right);
	else if (!cJSON_Compare(left, right, true))
		tell(diff, path, left, right);
}

void json_diff(const struct json_doc *left, const struct json_doc *right, json_diff_fn fn,
	       void *data)
{
	struct diff diff = {.fn = fn, .data = data};

	compare(&diff, NULL, left->root, right->root);
}
