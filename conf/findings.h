/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings about files of configurations: the lines of `bridge-cni validate`. */
#ifndef BRIDGE_CNI_CONF_FINDINGS_H
#define BRIDGE_CNI_CONF_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/base/util.h"

enum finding_level {
	FINDING_FINE, /* there is nothing to mend in the file */
	FINDING_WARNING,
	FINDING_ERROR, /* an operation, or each runtime, refuses the configuration */
};

#define FINDING_LEVELS 3

/* A file has at most so many findings of each level; the last one says that there are more. */
#define FINDINGS_MAX 200

struct finding {
	enum finding_level level;
	char *file; /* printable */
	int plugin; /* its index in a list; -1: the file's only one, or all of the list */
	char *type; /* the plugin's; NULL: it is about all of the list, or of the file */
	int code; /* of CNI, of an error that an operation answers; 0: there is none */
	char *text; /* printable, as conf/base/printable.h has it */
};

/* Begins as zeros. */
struct findings {
	struct finding *items;
	size_t n;
	bool tells_fine; /* files of which nothing else is said are told as fine */
	bool out_of_memory; /* findings are missing */

	/* The file and the plugin that findings added from now on are about. Borrowed. */
	struct {
		const char *file, *type;
		int plugin;
		size_t n[FINDING_LEVELS]; /* so many there are of the file */
	} at;
};

/* Begins with another file: what is added is about it as a whole. */
void findings_begin(struct findings *findings, const char *file);

/* Adds a finding, its text made printable. */
void finding_add(struct findings *findings, enum finding_level level, int code,
		 const char *fmt, ...) _printf_(4, 5);

void findings_clear(struct findings *findings);

#endif
