/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects findings. */
#include "findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "conf/base/printable.h"

static void finding_clear(struct finding *finding)
{
	free(finding->file);
	free(finding->type);
	free(finding->text);
}

void findings_begin(struct findings *findings, const char *file)
{
	memset(&findings->at, 0, sizeof(findings->at));
	findings->at.file = file;
	findings->at.plugin = -1;
}

/* @outside is the text. A part of it may come from outside. */
static void add(struct findings *findings, enum finding_level level, int code,
		const char *outside)
{
	struct finding *finding = LIST_ADD(findings);
	struct text text = {}, file = {};

	if (!finding) {
		findings->out_of_memory = true;
		return;
	}
	/* An empty text needs memory as well: NULL means that there was none. */
	text_put(&text, "", 0);
	text_put(&file, "", 0);
	text_add_printable(&text, outside);
	text_add_printable(&file, findings->at.file);
	*finding = (struct finding){
		.level = level,
		.file = file.text,
		.plugin = findings->at.plugin,
		.type = findings->at.type ? strdup(findings->at.type) : NULL,
		.code = code,
		.text = text.text,
	};
	if (!file.text || file.failed || !text.text || text.failed ||
	    !finding->type != !findings->at.type) {
		finding_clear(finding);
		findings->n--;
		findings->out_of_memory = true;
	}
}

void finding_add(struct findings *findings, enum finding_level level, int code,
		 const char *fmt, ...)
{
	_cleanup_(free_p) char *outside = NULL;
	va_list args;
	int len;

	if (++findings->at.n[level] > FINDINGS_MAX) {
		if (findings->at.n[level] == FINDINGS_MAX + 1)
			add(findings, level, 0,
			    "there is more; mend what is listed first");
		return;
	}
	va_start(args, fmt);
	len = vasprintf(&outside, fmt, args);
	va_end(args);
	if (len < 0) {
		outside = NULL;
		findings->out_of_memory = true;
		return;
	}
	add(findings, level, code, outside);
}

void findings_clear(struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++)
		finding_clear(&findings->items[i]);
	free(findings->items);
	*findings = (struct findings){};
}
