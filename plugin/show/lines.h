/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a block of facts for people: each has a label, and values in colours. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_LINES_H
#define BRIDGE_CNI_PLUGIN_SHOW_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/base/text.h"

/* Begins a line of a block: two spaces, and what the line is about. Values that follow
 * are aligned. */
void line_begin(struct text *text, const char *label);

/* Adds @words in a colour of struct tint, where @colour asks for it. */
enum tint {
	TINT_BOLD,
	TINT_GOOD,
	TINT_BAD,
};
void tint_add(struct text *text, enum tint tint, bool colour, const char *words);

/* Adds an age as kubectl does: 45s, 12m, 7h, 30d. @since: seconds of time(); 0: not
 * known, which adds nothing. */
void age_add(struct text *text, int64_t since);

/* Adds the host ports of a record: "8080:80/tcp,...". */
struct record;
void ports_add(struct text *text, const struct record *record);

/* Adds a limit, if there is one, behind those that @text has already: "in 8Mbit/s". */
struct rate_limit;
void rate_add(struct text *text, const char *direction, const struct rate_limit *limit);

#endif
