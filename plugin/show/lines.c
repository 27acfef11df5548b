/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labels have one width; colours are those of terminals. */
#include "lines.h"

#include "conf/base/printable.h"

#define LABEL_WIDTH 12

void line_begin(struct text *text, const char *label)
{
	text_add(text, "  %-*s ", LABEL_WIDTH, label);
}

void tint_add(struct text *text, enum tint tint, bool colour, const char *words)
{
	static const char *const codes[] = {[TINT_BOLD] = "\033[1m",
					    [TINT_GOOD] = "\033[32m",
					    [TINT_BAD] = "\033[31m"};

	if (colour)
		text_add(text, "%s", codes[tint]);
	text_add_printable(text, words);
	if (colour)
		text_add(text, "\033[0m");
}
