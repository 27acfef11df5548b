/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices for the operator, besides the answer: lines that are collected while an
 * operation works, and printed once at its end (plugin/say.h, plugin/attachment/log.h).
 */
#ifndef BRIDGE_CNI_CONF_BASE_NOTICES_H
#define BRIDGE_CNI_CONF_BASE_NOTICES_H

#include "util.h"

struct notices {
	char *text; /* printable lines, each with its newline; NULL: none; owned */
	/* A text in front of each line that is added, while the lines are about something
	 * else than what the operation was asked for; NULL: none. Borrowed. */
	const char *about;
};

/* Adds a line. Without memory for it, it is left out. @notices may be NULL. */
void notice(struct notices *notices, const char *fmt, ...) _printf_(2, 3);

void notices_clear(struct notices *notices);

#endif
