/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as text, in front of a message. */
#include "json_path.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *json_path_format(const struct json_path *path, char buf[JSON_PATH_MAX])
{
	size_t used;

	buf[0] = '\0';
	if (!path)
		return buf;
	json_path_format(path->parent, buf);
	used = strlen(buf);
	if (path->key)
		snprintf(buf + used, JSON_PATH_MAX - used, "%s%s", used ? "." : "",
			 path->key);
	else
		snprintf(buf + used, JSON_PATH_MAX - used, "[%zu]", path->index);
	return buf;
}

int json_error(const struct json_path *path, const char *key, struct cni_error *err,
	       const char *fmt, ...)
{
	struct json_path with_key = {.parent = path, .key = key};
	char where[JSON_PATH_MAX], what[ERROR_MSG_MAX];
	va_list args;

	json_path_format(key ? &with_key : path, where);
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return error_set(err, CNI_ERR_CONFIG, EINVAL, "%s: %s", where, what);
}

int json_twice(const struct json_path *path, const char *first, const char *second,
	       struct cni_error *err)
{
	if (strcmp(first, second) == 0)
		return json_error(path, NULL, err,
				  "this key is given twice; remove one of the two");
	return json_error(path, NULL, err,
			  "given twice, as \"%s\" and as \"%s\"; remove one of the two",
			  first, second);
}
