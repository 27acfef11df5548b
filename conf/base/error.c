/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filling the error object. Text that doesn't fit is cut between characters, and bytes
 * that are not UTF-8 are replaced, because the text is printed as JSON. Nothing here
 * allocates, so that running out of memory can be reported, too.
 */
#include "error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "errno_name.h"
#include "utf8.h"

static void vappend(char *buf, size_t size, const char *fmt, va_list args)
{
	size_t used = strlen(buf);
	int n = vsnprintf(buf + used, size - used, fmt, args);

	if (n < 0)
		buf[used] = '\0';
	else if ((size_t)n >= size - used)
		buf[utf8_cut(buf, size - 1)] = '\0';
	/* Each bad byte becomes one byte, so that a message's length bounds that of its
	 * JSON. */
	utf8_mend(buf + used);
}

static void _printf_(3, 4) append(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vappend(buf, size, fmt, args);
	va_end(args);
}

static void vset(struct cni_error *err, int code, const char *fmt, va_list args)
{
	assert(code != 0);
	if (!err)
		return;
	assert(err->code == 0);
	err->code = code;
	err->msg[0] = '\0';
	err->details[0] = '\0';
	vappend(err->msg, sizeof(err->msg), fmt, args);
}

int error_set(struct cni_error *err, int code, int errnum, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vset(err, code, fmt, args);
	va_end(args);
	return -errnum;
}

int error_errno(struct cni_error *err, int code, int errnum, const char *fmt, ...)
{
	const char *name = errno_name(errnum);
	va_list args;

	va_start(args, fmt);
	vset(err, code, fmt, args);
	va_end(args);
	if (!err)
		return -errnum;
	append(err->msg, sizeof(err->msg), ": %s", strerror(errnum));
	if (name)
		error_details(err, "errno %d (%s)", errnum, name);
	else
		error_details(err, "errno %d", errnum);
	return -errnum;
}

int error_oom(struct cni_error *err)
{
	return error_set(err, CNI_ERR_INTERNAL, ENOMEM, "out of memory");
}

void error_details(struct cni_error *err, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return;
	if (err->details[0])
		append(err->details, sizeof(err->details), "; ");
	va_start(args, fmt);
	vappend(err->details, sizeof(err->details), fmt, args);
	va_end(args);
}

void error_wrap(struct cni_error *err, const char *fmt, ...)
{
	char msg[ERROR_MSG_MAX];
	va_list args;

	if (!err)
		return;
	msg[0] = '\0';
	va_start(args, fmt);
	vappend(msg, sizeof(msg), fmt, args);
	va_end(args);
	append(msg, sizeof(msg), ": %s", err->msg);
	memcpy(err->msg, msg, sizeof(msg));
}
