/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A JSON text, parsed and checked. Tables read it into C structures (json_table.h), and
 * single questions about it have functions of their own (json_query.h). json_write.h
 * writes JSON.
 */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_DOC_H
#define BRIDGE_CNI_CONF_JSON_JSON_DOC_H

#include <stddef.h>

#include "conf/base/error.h"

struct json_doc;

/*
 * Parses @len bytes that hold one JSON object and nothing else. Refused with code 6:
 * broken JSON, more than the limits of json_scan.h, a NUL inside a string (raw or
 * \u0000), invalid UTF-8. The document owns all strings that are read out of it.
 */
int json_parse(const char *text, size_t len, struct json_doc **ret_doc,
	       struct cni_error *err);
void json_doc_free(struct json_doc *doc);
static inline void json_doc_freep(struct json_doc **doc)
{
	json_doc_free(*doc);
}

#endif
