/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths tell where in a document a value stands, and errors name them. */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_PATH_H
#define BRIDGE_CNI_CONF_JSON_JSON_PATH_H

#include <stddef.h>

#include "conf/base/error.h"

/* The path of a value in its document, for messages: "ipam.ranges[0][1].rangeEnd". */
struct json_path {
	const struct json_path *parent; /* NULL: the document itself */
	const char *key; /* NULL: entry @index of a list */
	size_t index;
};

/* Writes a path as text, which is cut where it doesn't fit. Returns @buf. */
#define JSON_PATH_MAX 256
const char *json_path_format(const struct json_path *path, char buf[JSON_PATH_MAX]);

/* Sets code 7, "path.key: message"; @key NULL: the path alone. Returns -EINVAL. */
int json_error(const struct json_path *path, const char *key, struct cni_error *err,
	       const char *fmt, ...) _printf_(4, 5);

/* The same of a key that is given twice, in these spellings, which differ at most in case. */
int json_twice(const struct json_path *path, const char *first, const char *second,
	       struct cni_error *err);

#endif
