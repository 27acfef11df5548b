/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the files of this folder that look into documents: a document is a tree of
 * cJSON. */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_CJSON_H
#define BRIDGE_CNI_CONF_JSON_JSON_CJSON_H

#include <cJSON.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct json_doc {
	cJSON *root;
};

/*
 * Is @text the key @key, in any case? strcasecmp() is slow, and mostly not needed: upper
 * and lower case differ in one bit, most keys differ in other bits of their first byte,
 * and those that don't are mostly spelled as @key is.
 */
static inline bool json_is_key(const char *text, const char *key)
{
	return ((text[0] ^ key[0]) & ~('a' ^ 'A')) == 0 &&
	       (strcmp(text, key) == 0 || strcasecmp(text, key) == 0);
}

#endif
