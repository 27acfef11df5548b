/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Version 0.0.4 of the format. */
#include "metric_lines.h"

#include <inttypes.h>

void metric(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP bridge_cni_%s %s\n# TYPE bridge_cni_%s %s\n", name, help,
		name, type);
}

void label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (const char *c = value; *c; c++) {
		if (*c == '\n')
			fputs("\\n", out);
		else if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else
			fputc(*c, out);
	}
	fputc('"', out);
}

void counter(FILE *out, const char *name, uint64_t value, const char *help)
{
	metric(out, name, "counter", help);
	fprintf(out, "bridge_cni_%s %" PRIu64 "\n", name, value);
}

void gauge(FILE *out, const char *name, uint64_t value, const char *help)
{
	metric(out, name, "gauge", help);
	fprintf(out, "bridge_cni_%s %" PRIu64 "\n", name, value);
}
