/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocates nothing: that memory has run out has to be said, too. */
#include "say.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/printable.h"

#define LINE_MAX_BYTES (PATH_MAX + ERROR_MSG_MAX + ERROR_DETAILS_MAX)

/* Prints a line in one write(), so that it is not mixed with lines of other processes. */
static _noinline_ void put_line(const char *text)
{
	static const char start[] = "bridge-cni: ";
	char line[sizeof(start) + LINE_MAX_BYTES + PRINTABLE_MAX], chars[PRINTABLE_MAX];
	size_t len = sizeof(start) - 1, n;

	memcpy(line, start, len);
	while (len < sizeof(start) + LINE_MAX_BYTES &&
	       (n = printable_next(&text, chars)) > 0) {
		memcpy(line + len, chars, n);
		len += n;
	}
	line[len++] = '\n';
	fwrite(line, 1, len, stderr);
}

_noinline_ void say(const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	put_line(text);
}

void say_error(const char *where, const struct cni_error *err)
{
	say("%s%s%s%s%s%s", where ? where : "", where ? ": " : "", err->msg,
	    err->details[0] ? " (" : "", err->details, err->details[0] ? ")" : "");
}

void say_notices(const struct notices *notices)
{
	const char *line = notices->text, *end;

	for (; line && (end = strchr(line, '\n')); line = end + 1)
		say("%.*s", (int)(end - line), line);
}

void say_wait(const char *path, unsigned int seconds)
{
	say("waiting for the lock %s, for up to %u more seconds; `fuser -v %s` tells who "
	    "holds it",
	    path, seconds, path);
}
