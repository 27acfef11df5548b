/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects the lines. plugin/command.c prints them. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/printable.h"

void report_clear(struct report *report)
{
	free(report->done.text);
	free(report->errors.text);
	*report = (struct report){};
}

static void add_line(const struct attachment *att, struct text *lines, const char *what)
{
	const struct pod *pod = att->pod;
	size_t len = lines->len;

	text_add(lines, "%s%s%s%s%s: ", att->network->name,
		 pod->container_id[0] ? " " : "", pod->container_id,
		 pod->ifname[0] ? " " : "", pod->ifname);
	text_add_printable(lines, what);
	text_put(lines, "\n", 1);
	if (!lines->failed)
		return;
	text_cut(lines, len);
	lines->failed = false;
	att->op->report->out_of_memory = true;
}

void report_done(const struct attachment *att, const char *fmt, ...)
{
	_cleanup_(free_p) char *what = NULL;
	va_list args;
	int len;

	if (!att->op->report)
		return;
	va_start(args, fmt);
	len = vasprintf(&what, fmt, args);
	va_end(args);
	if (len < 0) {
		what = NULL;
		att->op->report->out_of_memory = true;
		return;
	}
	add_line(att, &att->op->report->done, what);
}

void report_error(const struct attachment *att, const struct cni_error *err)
{
	_cleanup_(free_p) char *what = NULL;
	struct report *report = att->op->report;

	if (strcmp(report->last_error.msg, err->msg) == 0)
		return;
	report->last_error = *err;
	if (!err->details[0]) {
		add_line(att, &report->errors, err->msg);
	} else if (asprintf(&what, "%s (%s)", err->msg, err->details) >= 0) {
		add_line(att, &report->errors, what);
	} else {
		what = NULL;
		report->out_of_memory = true;
	}
}
