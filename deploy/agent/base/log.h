/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's log: a line in logfmt on standard error for each thing worth knowing. */
#ifndef BRIDGE_CNI_AGENT_LOG_H
#define BRIDGE_CNI_AGENT_LOG_H

#include "conf/base/error.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
};
extern const char *const log_level_names[LOG_LEVEL_ERROR + 1];

struct log {
	enum log_level level; /* what is below isn't written */
};

/* "time=… level=info msg="…" key=value …": keys and values alternate behind @msg_, the last
 * is NULL. */
#define log_write(log_, level_, msg_, ...) \
	log_line((log_), (level_), (msg_), (const char *const[]){__VA_ARGS__})
void log_line(const struct log *log, enum log_level level, const char *msg,
	      const char *const *pairs);

/* The same at level error with the error's text and details; forgets the error. */
void log_error(const struct log *log, const char *msg, struct cni_error *err);

#endif
