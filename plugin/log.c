/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log line, in logfmt: key=value, in the order that one reads them in. */
#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

/* "00-" 32 hex digits "-" 16 "-" 2: the trace's ID is the second part. */
#define TRACE_ID_START 3
#define TRACE_ID_LEN   32

struct line {
	char *text;
	size_t len; /* at most LOG_LINE_MAX - 1: what doesn't fit is left out */
};

static void put(struct line *line, const char *fmt, ...) _printf_(2, 3);
static void put(struct line *line, const char *fmt, ...)
{
	size_t room = LOG_LINE_MAX - line->len;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line->text + line->len, room, fmt, args);
	va_end(args);
	if (len > 0)
		line->len += (size_t)len < room ? (size_t)len : room - 1;
}

/* Quoted where it holds more than plain characters; nothing in it can end the line. */
static void put_value(struct line *line, const char *key, const char *value)
{
	bool plain = value[0] != '\0';

	for (const char *c = value; *c; c++)
		plain = plain && isgraph((unsigned char)*c) && *c != '"' && *c != '=';
	put(line, " %s=%s", key, plain ? value : "\"");
	if (plain)
		return;
	for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
		if (*c == '"' || *c == '\\')
			put(line, "\\%c", *c);
		else if (*c < ' ' || *c == 0x7f)
			put(line, "\\x%02x", *c);
		else
			put(line, "%c", *c);
	}
	put(line, "\"");
}

static void put_time(struct line *line)
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	put(line, "time=%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900,
	    utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
	    now.tv_nsec / 1000000);
}

static void put_identity(struct line *line, const struct attachment *att)
{
	static const char *const verbs[] = {
		[CNI_ADD] = "ADD",	 [CNI_DEL] = "DEL", [CNI_CHECK] = "CHECK",
		[CNI_STATUS] = "STATUS", [CNI_GC] = "GC",   [CNI_VERSION] = "VERSION",
	};
	const struct cni_env *env = &att->env;

	put(line, " verb=%s", verbs[env->verb]);
	put_value(line, "network", att->conf.name);
	if (env->args.pod_name[0]) {
		put_value(line, "podNamespace", env->args.pod_namespace);
		put_value(line, "pod", env->args.pod_name);
	}
	if (env->container_id[0])
		put_value(line, "container", env->container_id);
	if (env->ifname[0])
		put_value(line, "interface", env->ifname);
}

static void put_work(struct line *line, const struct attachment *att,
		     uint64_t microseconds)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++)
		put(line, "%s%s",
		    i ? "," : " ips=", PREFIX_TEXT(&att->ipam.ips.items[i].address));
	put(line, " ms=%.3f", microseconds / 1000.0);
	for (size_t i = 0; i < att->timings_n; i++)
		put(line, "%s%s:%.3f", i ? "," : " stages=", att->timings[i].stage,
		    att->timings[i].microseconds / 1000.0);
}

static void put_trace(struct line *line, const char *trace)
{
	if (!trace || strlen(trace) < TRACE_ID_START + TRACE_ID_LEN)
		return;
	for (size_t i = 0; i < TRACE_ID_LEN; i++)
		if (!isxdigit((unsigned char)trace[TRACE_ID_START + i]))
			return;
	put(line, " trace=%.*s", TRACE_ID_LEN, trace + TRACE_ID_START);
}

void log_format(const struct attachment *att, uint64_t microseconds,
		const struct cni_error *err, const char *trace,
		char ret_line[LOG_LINE_MAX])
{
	struct line line = {.text = ret_line};

	put_time(&line);
	put_identity(&line, att);
	put_work(&line, att, microseconds);
	put_trace(&line, trace);
	put(&line, " outcome=%s", err->code ? "error" : "ok");
	if (!err->code)
		return;
	put(&line, " code=%d", err->code);
	put_value(&line, "msg", err->msg);
	if (err->details[0])
		put_value(&line, "details", err->details);
}

uint64_t log_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A FIFO or a device of that name must not hold an operation up. */
static void file_append(const char *path, char *line, size_t len)
{
	_cleanup_(close_p) int fd = open(path,
					 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
						 O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
					 0640);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	line[len++] = '\n';
	while (write(fd, line, len) < 0 && errno == EINTR)
		;
}

void log_operation(const struct attachment *att, uint64_t started,
		   const struct cni_error *err, const char *trace)
{
	char line[LOG_LINE_MAX + 1];

	if (!att->log.file && !att->log.syslog)
		return;
	log_format(att, log_clock() - started, err, trace, line);
	if (att->log.syslog) {
		openlog("bridge-cni", LOG_PID | LOG_NDELAY, LOG_DAEMON);
		syslog(err->code ? LOG_ERR : LOG_INFO, "%s", line);
		closelog();
	}
	if (att->log.file)
		file_append(att->log.file, line, strlen(line));
}
