/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects lines. A line is made printable here, as names in it come from outside. */
#include "notices.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "printable.h"
#include "text.h"

void notice(struct notices *notices, const char *fmt, ...)
{
	_cleanup_(free_p) char *line = NULL;
	struct text lines = {};
	size_t before;
	va_list args;
	int len;

	if (!notices)
		return;
	va_start(args, fmt);
	len = vasprintf(&line, fmt, args);
	va_end(args);
	if (len < 0) {
		line = NULL;
		return;
	}
	before = notices->text ? strlen(notices->text) : 0;
	lines = (struct text){
		.text = notices->text,
		.len = before,
		.size = notices->text ? before + 1 : 0,
	};
	if (notices->about)
		text_add_printable(&lines, notices->about);
	text_add_printable(&lines, line);
	text_put(&lines, "\n", 1);
	if (lines.failed)
		text_cut(&lines, before);
	notices->text = lines.text;
}

void notices_clear(struct notices *notices)
{
	free(notices->text);
	*notices = (struct notices){};
}
