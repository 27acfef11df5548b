/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes one line of a log in logfmt (key=value), in a buffer of fixed size. The caller
 * writes the line somewhere. */
#ifndef BRIDGE_CNI_CONF_BASE_LOGFMT_H
#define BRIDGE_CNI_CONF_BASE_LOGFMT_H

#include <stddef.h>

#include "util.h"

#define LOG_LINE_MAX 4096 /* what one write() to a file leaves in one piece */

struct logfmt {
	char *text; /* LOG_LINE_MAX bytes, the caller's */
	size_t len; /* at most LOG_LINE_MAX - 1: what doesn't fit is left out */
};

/* Adds text as it is: the caller knows that it is plain. */
void logfmt_put(struct logfmt *line, const char *fmt, ...) _printf_(2, 3);

/* " key=value", quoted where it holds more than plain characters; nothing in it can end
 * the line. */
void logfmt_value(struct logfmt *line, const char *key, const char *value);

/* Adds the time of now: "time=2026-11-20T18:10:24.123Z". */
void logfmt_time(struct logfmt *line);

#endif
