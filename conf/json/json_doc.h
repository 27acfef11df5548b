/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the adapter to cJSON: what a document is. */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_DOC_H
#define BRIDGE_CNI_CONF_JSON_JSON_DOC_H

#include <cJSON.h>
#include <string.h>
#include <strings.h>

#include "json.h"

struct json_doc {
	cJSON *root;
};

/* Letters differ by their case in one bit; most keys differ in others by their first byte,
 * and those that don't are mostly spelled as we do it: strcasecmp() is slow. */
static inline bool json_is_key(const char *text, const char *key)
{
	return ((text[0] ^ key[0]) & ~('a' ^ 'A')) == 0 &&
	       (strcmp(text, key) == 0 || strcasecmp(text, key) == 0);
}

#endif
