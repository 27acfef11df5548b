/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line an operation, for people who look for what a plugin did: in the file that
 * logFile names, or in the journal (log: "syslog"). Never fails an operation.
 */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_LOG_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_LOG_H

#include <stdint.h>

#include "attachment.h"
#include "conf/base/logfmt.h"

/* Is a line to be written? Then it says how long the stages took (operation.h). */
bool log_is_wanted(const struct network *network);

/*
 * Writes the line where the configuration wants it; nowhere by default. @started:
 * operation_clock() at the operation's start, the configuration being read. @err: its
 * error, or not set. @trace: the environment's TRACEPARENT, or NULL
 * (https://www.w3.org/TR/trace-context).
 */
void log_operation(struct attachment *att, uint64_t started, const struct cni_error *err,
		   const char *trace);

/* The line itself, without a newline, for tests: logfmt, values quoted where needed. */
void log_format(const struct attachment *att, uint64_t microseconds,
		const struct cni_error *err, const char *trace,
		char ret_line[LOG_LINE_MAX]);

#endif
