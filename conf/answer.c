/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the answers of other plugins. prev_result.c knows the shapes of results. */
#include "answer.h"

#include <errno.h>
#include <limits.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_table.h"
#include "prev_result.h"

int answer_read_result(const char *text, size_t len, struct json_doc **ret_doc,
		       struct cni_result *ret_result, struct cni_error *err)
{
	_cleanup_(cni_result_clear) struct cni_result result = {};
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	int ret;

	ret = json_parse(text, len, &doc, err);
	if (ret == 0)
		ret = result_read(doc, &result, err);
	if (ret == 0)
		ret = result_families_check(&result, err);
	if (ret < 0)
		return ret;
	*ret_doc = TAKE_PTR(doc);
	*ret_result = result;
	result = (struct cni_result){};
	return 0;
}

struct error_object {
	uint32_t code;
	const char *msg, *details;
};

static const struct json_type code_type = {.kind = JSON_U32, .min = 1, .max = INT_MAX};

static const struct json_field error_fields[] = {
	FIELD_REQUIRED(struct error_object, code, "code", &code_type),
	FIELD_REQUIRED(struct error_object, msg, "msg", &text_type),
	FIELD(struct error_object, details, "details", &text_type),
};

static const struct json_type error_type = OBJECT(error_fields);

int answer_read_error(const char *text, size_t len, struct cni_error *ret_error,
		      struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	struct error_object object = {};
	int ret;

	ret = json_parse(text, len, &doc, err);
	if (ret == 0)
		ret = json_read(doc, &error_type, &object, err);
	if (ret < 0)
		return ret;
	if (!object.msg || !object.msg[0])
		return error_set(err, CNI_ERR_CONFIG, EINVAL, "msg: empty");
	error_set(ret_error, object.code, EIO, "%s", object.msg);
	if (object.details && object.details[0])
		error_details(ret_error, "%s", object.details);
	return 0;
}
