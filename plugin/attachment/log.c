/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the log line in logfmt (key=value), with the keys in the order in which people
 * look for them. */
#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/*
 * Opens the directory of the log's file. Below the first @prefix bytes of its path, which
 * the administrator vouches for, no link is followed: others than root may have made it,
 * as services have directories of their own in /var/log. *@ret_name is the file's name.
 */
static int directory_open(const char *path, size_t prefix, const char **ret_name)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char name[PATH_MAX];
	const char *slash;
	int fd;

	if (strlen(path) >= sizeof(name))
		return -ENAMETOOLONG;
	/* The file itself is the prefix: all of its path is vouched for. */
	slash = strrchr(path, '/');
	if (!path[prefix])
		prefix = slash > path ? (size_t)(slash - path) : 1;
	snprintf(name, sizeof(name), "%.*s", (int)prefix, path);
	fd = open(name, flags);
	for (path += prefix; fd >= 0; path = slash) {
		int above = fd;

		path += *path == '/';
		slash = strchr(path, '/');
		if (!slash)
			break;
		snprintf(name, sizeof(name), "%.*s", (int)(slash - path), path);
		fd = openat(above, name, flags | O_NOFOLLOW);
		close(above);
	}
	*ret_name = path;
	return fd < 0 ? -errno : fd;
}

/* Appends a line to the file. A FIFO or a device of that name must not hold an operation
 * up. 0 or -errno. */
static int file_append(const char *path, size_t prefix, char *line, size_t len)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
			  O_NONBLOCK | O_NOCTTY;
	const char *name;
	_cleanup_(close_p) int dir_fd = directory_open(path, prefix, &name), fd = -1;
	struct stat st;
	ssize_t n;

	if (dir_fd < 0)
		return dir_fd;
	fd = openat(dir_fd, name, flags, 0640);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EMEDIUMTYPE;
	if (st.st_nlink > 1)
		return -EMLINK;
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
	/* A link among directories is no directory to openat(). */
	if (errnum == ENOTDIR)
		return "what it is in is a symbolic link, or no directory";
	if (errnum == EMLINK)
		return "it has another name as well (a hard link)";
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
	if (att->network->log.file && att->op->log_prefix)
		ret = file_append(att->network->log.file, att->op->log_prefix, line,
				  strlen(line));
	if (ret < 0)
		notice(&att->op->notices, "logFile: %s was not written to: %s",
		       att->network->log.file, reason(-ret));
}
