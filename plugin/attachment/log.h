/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logs each operation in one line, for people who look for what a plugin did: in the file
 * that logFile names, or in the journal (log: "syslog"). An operation never fails because
 * of its log.
 */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_LOG_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_LOG_H

#include <stdint.h>

#include "attachment.h"
#include "conf/base/logfmt.h"

/* Is a line to be written? Then the operation measures how long its stages take
 * (operation.h). */
bool log_is_wanted(const struct network *network);

/*
 * Writes the line where the configuration wants it; by default nowhere.
 * @started: operation_clock() when the operation started, once the configuration was
 * read.
 * @err: the error of the operation, or not set.
 * @trace: TRACEPARENT of the environment, or NULL (https://www.w3.org/TR/trace-context).
 */
void log_operation(struct attachment *att, uint64_t started, const struct cni_error *err,
		   const char *trace);

/* Makes the line, without a newline. For tests. */
void log_format(const struct attachment *att, uint64_t microseconds,
		const struct cni_error *err, const char *trace,
		char ret_line[LOG_LINE_MAX]);

#endif
