/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar of JSON, and the limits of what is read: the gate in front of the parser.
 */
#ifndef BRIDGE_CNI_CONF_JSON_JSON_SCAN_H
#define BRIDGE_CNI_CONF_JSON_JSON_SCAN_H

#include <stddef.h>

#include "conf/base/error.h"

#define JSON_TEXT_MAX	(1024 * 1024) /* stdin, bytes */
#define JSON_DEPTH_MAX	32
#define JSON_STRING_MAX 4096 /* bytes of a string, unescaped */
#define JSON_NUMBER_MAX 63 /* characters; cJSON's own limit, which it doesn't report */

/*
 * The grammar and the limits alone, by one pass over the text that allocates nothing
 * (RFC 8259; cJSON takes more than that). Code 6 with line and column.
 */
int json_scan(const char *text, size_t len, struct cni_error *err);

#endif
