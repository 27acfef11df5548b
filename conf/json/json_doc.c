/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The adapter to cJSON: text to a document. */
#include "json_doc.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "json_cjson.h"
#include "json_scan.h"

/* A number that is too large for a double cJSON reads as infinite and prints as null,
 * which would be another value. */
static void infinite_clamp(cJSON *value)
{
	cJSON *member;

	if (cJSON_IsNumber(value) && isinf(value->valuedouble))
		value->valuedouble = copysign(DBL_MAX, value->valuedouble);
	cJSON_ArrayForEach(member, value)
	{
		infinite_clamp(member);
	}
}

int json_parse(const char *text, size_t len, struct json_doc **ret_doc,
	       struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	int ret;

	ret = json_scan(text, len, err);
	if (ret < 0)
		return ret;
	doc = calloc(1, sizeof(*doc));
	if (!doc)
		return error_oom(err);
	/* The text is known to be right: only memory can be missing. */
	doc->root = cJSON_ParseWithLength(text, len);
	if (!doc->root)
		return error_oom(err);
	infinite_clamp(doc->root);
	*ret_doc = TAKE_PTR(doc);
	return 0;
}

void json_doc_free(struct json_doc *doc)
{
	if (!doc)
		return;
	cJSON_Delete(doc->root);
	free(doc);
}
