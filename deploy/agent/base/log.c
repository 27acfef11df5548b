/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each line is one write(), so that lines of several processes don't mix. */
#include "log.h"

#include <errno.h>

#include "conf/identity.h"
#include "conf/base/logfmt.h"

const char *const log_level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};

static void begin(struct logfmt *line, enum log_level level, const char *msg)
{
	logfmt_time(line);
	logfmt_value(line, "level", log_level_names[level]);
	logfmt_value(line, "msg", msg);
}

static void end(struct logfmt *line)
{
	line->text[line->len++] = '\n';
	while (write(STDERR_FILENO, line->text, line->len) < 0 && errno == EINTR)
		;
}

void log_line(const struct log *log, enum log_level level, const char *msg,
	      const char *const *pairs)
{
	char text[LOG_LINE_MAX + 1];
	struct logfmt line = {.text = text};

	if (level < log->level)
		return;
	begin(&line, level, msg);
	for (; *pairs; pairs += 2)
		logfmt_value(&line, pairs[0], pairs[1]);
	end(&line);
}

void log_error_at(const struct log *log, enum log_level level, const char *msg,
		  struct cni_error *err)
{
	if (err->details[0])
		log_write(log, level, msg, "error", err->msg, "details", err->details,
			  NULL);
	else
		log_write(log, level, msg, "error", err->msg, NULL);
	error_clear(err);
}

void log_error(const struct log *log, const char *msg, struct cni_error *err)
{
	log_error_at(log, LOG_LEVEL_ERROR, msg, err);
}

static void once_at(const struct log *log, enum log_level level, uint64_t *last,
		    const char *msg, struct cni_error *err)
{
	uint64_t hash = hash_text(err->msg);

	if (hash == *last)
		error_clear(err);
	else
		log_error_at(log, level, msg, err);
	*last = hash;
}

void log_error_once(const struct log *log, uint64_t *last, const char *msg,
		    struct cni_error *err)
{
	once_at(log, LOG_LEVEL_ERROR, last, msg, err);
}

void log_waiting_once(const struct log *log, enum log_level level, uint64_t *last,
		      struct cni_error *err)
{
	once_at(log, level, last, "waiting", err);
}
