/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys logFile and log: they say where the log line of an operation goes. */
#ifndef BRIDGE_CNI_CONF_LOG_CONF_H
#define BRIDGE_CNI_CONF_LOG_CONF_H

#include <stdbool.h>

#include "conf/base/error.h"

struct json_doc;
struct json_type;

/* The type of the document's top-level object, with these keys alone: for json_read(),
 * and for the search for unknown keys (advice.c). */
extern const struct json_type log_root;

struct log_conf {
	const char *file; /* absolute path, borrowed from the document; NULL: none */
	bool syslog;
};

/* Reads the two keys. Code 7; @ret_log is then untouched. */
int log_conf_read(const struct json_doc *doc, struct log_conf *ret_log,
		  struct cni_error *err);

#endif
