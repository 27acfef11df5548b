/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the log line in logfmt (key=value), with the keys in the order in which people
 * look for them. */
#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

/* TRACEPARENT is "00-", 32 hex digits, "-", 16, "-", 2. The 32 digits are the trace's
 * ID. */
#define TRACE_ID_START 3
#define TRACE_ID_LEN   32

static void put_identity(struct logfmt *line, const struct attachment *att)
{
	const struct cni_env *env = att->op->env;

	logfmt_put(line, " verb=%s", cni_verb_name(env->verb));
	if (att->network->name)
		logfmt_value(line, "network", att->network->name);
	if (env->args.pod_name[0]) {
		logfmt_value(line, "podNamespace", env->args.pod_namespace);
		logfmt_value(line, "pod", env->args.pod_name);
	}
	if (env->container_id[0])
		logfmt_value(line, "container", env->container_id);
	if (env->ifname[0])
		logfmt_value(line, "interface", env->ifname);
}

static void put_work(struct logfmt *line, const struct attachment *att,
		     uint64_t microseconds)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		struct ip_prefix address =
			attachment_pod_address(att, &att->ipam.ips.items[i]);

		logfmt_put(line, "%s%s", i ? "," : " ips=", PREFIX_TEXT(&address));
	}
	logfmt_put(line, " ms=%.3f", microseconds / 1000.0);
	for (size_t i = 0; i < att->op->timings_n; i++)
		logfmt_put(line, "%s%s:%.3f",
			   i ? "," : " stages=", att->op->timings[i].stage,
			   att->op->timings[i].microseconds / 1000.0);
}

static void put_trace(struct logfmt *line, const char *trace)
{
	if (!trace || strlen(trace) < TRACE_ID_START + TRACE_ID_LEN)
		return;
	for (size_t i = 0; i < TRACE_ID_LEN; i++)
		if (!isxdigit((unsigned char)trace[TRACE_ID_START + i]))
			return;
	logfmt_put(line, " trace=%.*s", TRACE_ID_LEN, trace + TRACE_ID_START);
}

/* Puts the lines of @notices into the line as one value. */
static void put_notices(struct logfmt *line, const char *notices)
{
	char text[LOG_LINE_MAX] = "";
	struct logfmt joined = {.text = text};

	for (const char *end; (end = strchr(notices, '\n')); notices = end + 1)
		logfmt_put(&joined, "%s%.*s", joined.len ? "; " : "",
			   (int)(end - notices), notices);
	logfmt_value(line, "notice", text);
}

void log_format(const struct attachment *att, uint64_t microseconds,
		const struct cni_error *err, const char *trace,
		char ret_line[LOG_LINE_MAX])
{
	struct logfmt line = {.text = ret_line};

	logfmt_time(&line);
	put_identity(&line, att);
	put_work(&line, att, microseconds);
	put_trace(&line, trace);
	logfmt_put(&line, " outcome=%s", err->code ? "error" : "ok");
	if (err->code) {
		logfmt_put(&line, " code=%d", err->code);
		logfmt_value(&line, "msg", err->msg);
	}
	if (err->details[0])
		logfmt_value(&line, "details", err->details);
	/* The notice comes last: the end of a long line is cut. */
	if (att->op->notices.text)
		put_notices(&line, att->op->notices.text);
}

bool log_is_wanted(const struct network *network)
{
	return network->log.file || network->log.syslog;
}

/* Appends a line to the file. A FIFO or a device of that name must not hold an operation
 * up. 0 or -errno. */
static int file_append(const char *path, char *line, size_t len)
{
	_cleanup_(close_p) int fd = open(path,
					 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
						 O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
					 0640);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EMEDIUMTYPE;
	line[len++] = '\n';
	do
		n = write(fd, line, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n == (ssize_t)len ? 0 : -ENOSPC;
}

static const char *reason(int errnum)
{
	if (errnum == ELOOP)
		return "it is a symbolic link, which is not followed";
	/* open() of a FIFO that nobody reads fails with ENXIO. */
	return errnum == EMEDIUMTYPE || errnum == ENXIO ? "it is not a regular file"
							: strerror(errnum);
}

void log_operation(struct attachment *att, uint64_t started, const struct cni_error *err,
		   const char *trace)
{
	char line[LOG_LINE_MAX + 1];
	int ret = 0;

	if (!log_is_wanted(att->network))
		return;
	log_format(att, operation_clock(att->op) - started, err, trace, line);
	if (att->network->log.syslog) {
		openlog("bridge-cni", LOG_PID | LOG_NDELAY, LOG_DAEMON);
		syslog(err->code ? LOG_ERR : LOG_INFO, "%s", line);
		closelog();
	}
	if (att->network->log.file)
		ret = file_append(att->network->log.file, line, strlen(line));
	if (ret < 0)
		notice(&att->op->notices, "logFile: %s was not written to: %s",
		       att->network->log.file, reason(-ret));
}
