/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what vsnprintf() does, in a fraction of the time: the C libraries set up a stream
 * for each call, which takes some 600 instructions for a name and a number, and an ADD
 * makes hundreds of calls.
 */
#ifndef BRIDGE_CNI_CONF_BASE_FORMAT_H
#define BRIDGE_CNI_CONF_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

#include "util.h"

/* vsnprintf() for formats with no other conversions than %s and whole numbers. -1: there
 * is another one, and @text has anything. */
int format_plain(char *text, size_t size, const char *format, va_list args)
	_printf_(3, 0);

/* vsnprintf(), which a format with other conversions is handed to. */
int format_text(char *text, size_t size, const char *format, va_list args) _printf_(3, 0);

#endif
