/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only user of cJSON: JSON text to a checked document, a document to C structures
 * by tables, and C data to JSON text.
 */
#ifndef BRIDGE_CNI_CONF_JSON_H
#define BRIDGE_CNI_CONF_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define JSON_TEXT_MAX	(1024 * 1024) /* stdin, bytes */
#define JSON_DEPTH_MAX	32
#define JSON_STRING_MAX 4096 /* bytes of a string, unescaped */

struct json_doc;

/*
 * Parses @len bytes that hold one JSON object and nothing else. Refused with code 6:
 * broken JSON, more than the limits above, a NUL inside a string (raw or \u0000),
 * invalid UTF-8. The document owns all strings that are read out of it.
 */
int json_parse(const char *text, size_t len, struct json_doc **ret_doc,
	       struct cni_error *err);
void json_doc_free(struct json_doc *doc);
static inline void json_doc_freep(struct json_doc **doc)
{
	json_doc_free(*doc);
}

#endif
