/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of the log. */
#include "log_conf.h"

#include <stddef.h>
#include <string.h>

#include "conf/json/json_table.h"

struct keys {
	const char *file;
	const char *log;
};

static int file_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const char *file = *(const char **)value;

	if (!*file || *file == '/')
		return 0;
	return json_error(path, NULL, err,
			  "\"%s\" is not an absolute path, expected it to start with '/'",
			  file);
}

static const struct json_type file_type = {.kind = JSON_TEXT, .check = file_check};
static const struct json_type log_type = {
	.kind = JSON_TEXT,
	.words = (const char *const[]){"syslog", NULL},
	.or_zero = true,
};

static const struct json_field fields[] = {
	FIELD(struct keys, file, "logFile", &file_type),
	FIELD(struct keys, log, "log", &log_type),
};
const struct json_type log_root = OBJECT(fields);

int log_conf_read(const struct json_doc *doc, struct log_conf *ret_log,
		  struct cni_error *err)
{
	struct keys keys = {};
	int ret = json_read(doc, &log_root, &keys, err);

	if (ret < 0)
		return ret;
	ret_log->file = keys.file && *keys.file ? keys.file : NULL;
	ret_log->syslog = keys.log && *keys.log;
	return 0;
}
