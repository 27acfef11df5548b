/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vsnprintf() of the static build: the linker puts it in the place of musl's (--wrap), also
 * under snprintf() and asprintf(). */
#include "conf/base/format.h"

int __real_vsnprintf(char *text, size_t size, const char *format, va_list args);
int __wrap_vsnprintf(char *text, size_t size, const char *format, va_list args);

int __wrap_vsnprintf(char *text, size_t size, const char *format, va_list args)
{
	int len = format_plain(text, size, format, args);

	return len < 0 ? __real_vsnprintf(text, size, format, args) : len;
}
