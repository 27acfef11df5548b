/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's log: one line in logfmt on standard error for each thing worth knowing. */
#ifndef BRIDGE_CNI_AGENT_BASE_LOG_H
#define BRIDGE_CNI_AGENT_BASE_LOG_H

#include <stdint.h>

#include "conf/base/error.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
};
/* "debug" … "error", indexed by enum log_level. */
extern const char *const log_level_names[LOG_LEVEL_ERROR + 1];

struct log {
	enum log_level level; /* lines of a lower level are not written */
};

/*
 * Writes "time=… level=info msg="…" key=value …". Keys and values alternate behind @msg_,
 * and NULL ends them.
 */
#define log_write(log_, level_, msg_, ...) \
	log_line((log_), (level_), (msg_), (const char *const[]){__VA_ARGS__})
void log_line(const struct log *log, enum log_level level, const char *msg,
	      const char *const *pairs);

/* Writes the error's text and details in a line of that level, then clears the error. */
void log_error_at(const struct log *log, enum log_level level, const char *msg,
		  struct cni_error *err);

/* The same in a line of level error, which is for what somebody has to look at. */
void log_error(const struct log *log, const char *msg, struct cni_error *err);

/*
 * The same for an error that may last: it is written only where its text is another than
 * that of the last call. @last remembers the text by its hash; the caller sets it to 0
 * when all is well again.
 */
void log_error_once(const struct log *log, uint64_t *last, const char *msg,
		    struct cni_error *err);

/* The same in a line of level @level with the message "waiting": what is waited for
 * mostly comes by itself. */
void log_waiting_once(const struct log *log, enum log_level level, uint64_t *last,
		      struct cni_error *err);

#endif
