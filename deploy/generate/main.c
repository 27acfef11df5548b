/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints what the tree's tables say for other programs: for editors, and for shells. It runs
 * where bridge-cni is built, by `make generated`, and isn't installed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "conf/base/util.h"
#include "schema.h"

static const struct {
	const char *what;
	char *(*text)(void);
} outputs[] = {
	{"schema", schema_text},
	{"bash", completion_bash},
	{"zsh", completion_zsh},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(outputs); i++) {
		_cleanup_(free_p) char *text = NULL;

		if (strcmp(argv[1], outputs[i].what) != 0)
			continue;
		text = outputs[i].text();
		if (text && fputs(text, stdout) >= 0 && fflush(stdout) == 0)
			return 0;
		perror("generate");
		return 1;
	}
	fprintf(stderr, "usage: generate schema|bash|zsh\n");
	return 2;
}
