/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects findings. */
#include "findings.h"

#include <stdarg.h>
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

/* Takes over @text, which is printable. NULL: memory ran out. */
static void add(struct findings *findings, enum finding_level level, int code, char *text)
{
	struct finding *finding = LIST_ADD(findings);

	if (!finding) {
		free(text);
		findings->out_of_memory = true;
		return;
	}
	*finding = (struct finding){
		.level = level,
		.file = printable_copy(findings->at.file),
		.plugin = findings->at.plugin,
		.type = findings->at.type ? strdup(findings->at.type) : NULL,
		.code = code,
		.text = text,
	};
	if (!finding->file || !text || !finding->type != !findings->at.type) {
		finding_clear(finding);
		findings->n--;
		findings->out_of_memory = true;
	}
}

void finding_add(struct findings *findings, enum finding_level level, int code,
		 const char *fmt, ...)
{
	va_list args;

	if (++findings->at.n[level] > FINDINGS_MAX) {
		if (findings->at.n[level] == FINDINGS_MAX + 1)
			add(findings, level, 0,
			    strdup("there is more; mend what is listed first"));
		return;
	}
	va_start(args, fmt);
	add(findings, level, code, printable_format(fmt, args));
	va_end(args);
}

void findings_clear(struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++)
		finding_clear(&findings->items[i]);
	free(findings->items);
	*findings = (struct findings){};
}
