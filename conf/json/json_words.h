/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For json_table.c: values that may be one of some words, and values in messages. */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_WORDS_H
#define BRIDGE_CNI_CONF_JSON_JSON_WORDS_H

#include <stdint.h>

#include "json_cjson.h"
#include "json_path.h"

#define JSON_VALUE_TEXT_MAX 96 /* bytes of a value in a message */

/* Gives the value as JSON text, shortened when long. Returns @buf. */
const char *json_value_text(const cJSON *value, char buf[JSON_VALUE_TEXT_MAX]);

/* Says what a level may be: `true, false or "strict"`. Returns @buf. */
const char *json_level_expected(const char *const *words, char buf[64]);

/* Reads a string that is one of @words, which end with NULL; or with @or_empty "". @words
 * NULL: all strings are right. Code 7. */
int json_read_text(const cJSON *value, const char *const *words, bool or_empty,
		   const char **ret_value, const struct json_path *path,
		   struct cni_error *err);

/* Reads a boolean, 0 or 1, or a string that is one of @words, 2 and more. Code 7. */
int json_read_level(const cJSON *value, const char *const *words, uint8_t *ret_value,
		    const struct json_path *path, struct cni_error *err);

#endif
