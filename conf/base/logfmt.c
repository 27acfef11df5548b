/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Laying out a log line. */
#include "logfmt.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "printable.h"

void logfmt_put(struct logfmt *line, const char *fmt, ...)
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

/* The backslash that stands for itself, not one that starts an escape. */
static bool is_backslash(const char *chars, size_t n)
{
	return n == 1 && *chars == '\\';
}

void logfmt_value(struct logfmt *line, const char *key, const char *value)
{
	bool plain = value[0] != '\0';
	char chars[PRINTABLE_MAX];
	size_t n;

	for (const char *c = value; *c; c++)
		plain = plain && isgraph((unsigned char)*c) && *c != '"' && *c != '=';
	logfmt_put(line, " %s=%s", key, plain ? value : "\"");
	if (plain)
		return;
	while ((n = printable_next(&value, chars)) > 0)
		logfmt_put(line, "%s%.*s",
			   *chars == '"' || is_backslash(chars, n) ? "\\" : "", (int)n,
			   chars);
	logfmt_put(line, "\"");
}

void logfmt_time(struct logfmt *line)
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	logfmt_put(line, "time=%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900,
		   utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
		   now.tv_nsec / 1000000);
}
