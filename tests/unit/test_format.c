/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf/base/format.h: a text is what the libc's vsnprintf() makes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "conf/base/format.h"

#define ROOM 64

/* With all sizes from none to more than enough: text, end and result are the libc's. */
static void __attribute__((format(printf, 2, 3))) same(int left, const char *format, ...)
{
	for (size_t size = 0; size < ROOM; size++) {
		char expected[ROOM + 1], found[ROOM + 1];
		va_list args;
		int len;

		memset(expected, '#', sizeof(expected));
		memset(found, '#', sizeof(found));
		va_start(args, format);
		len = vsnprintf(expected, size, format, args);
		va_end(args);
		va_start(args, format);
		assert_int_equal(format_plain(found, size, format, args),
				 left ? -1 : len);
		va_end(args);
		memset(found, '#', sizeof(found));
		va_start(args, format);
		assert_int_equal(format_text(found, size, format, args), len);
		va_end(args);
		/* The libc needn't leave alone what is behind the end. */
		if (size > 0)
			assert_string_equal(found, expected);
		for (size_t i = size; i < sizeof(found); i++)
			assert_int_equal(found[i], '#');
	}
}

static void texts(void **state)
{
	const char *volatile none = NULL;

	(void)state;
	same(0, "nothing to convert");
	same(0, "%s", "");
	same(0, "making the veth pair %s and %s", "veth0123", "eth0");
	same(0, "%.*s|%.*s|%.*s", 3, "abcdef", 0, "abc", 9, "abc");
	same(0, "%.*s", -1, "all of it");
	same(0, "%s", none);
}

static void numbers(void **state)
{
	(void)state;
	same(0, "%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	same(0, "%u %u", 0U, UINT_MAX);
	same(0, "%x %x", 0U, 0xdeadbeefU);
	same(0, "%ld %ld", LONG_MAX, LONG_MIN);
	same(0, "%lld %zd", LLONG_MIN, (ssize_t)-5);
	same(0, "%zu %" PRIu64 " %" PRIx64, SIZE_MAX, UINT64_MAX, UINT64_MAX);
	same(0, "%016" PRIx64 " %02x %09u", (uint64_t)0xabc, 7U, 1234567890U);
	same(0, "%02d %03ld %05d", -7, -7L, 42);
	same(0, "%s/%d rev %u%s", "10.1.0.0", 16, 3U, ".");
}

static void others(void **state)
{
	(void)state;
	same(1, "100%% of %s", "them");
	same(1, "%s and %5d", "text", 42);
	same(1, "%-5s|%.3s|%c", "ab", "abcdef", 'x');
	same(1, "%.3f", 1.5);
	same(1, "%hu", (unsigned short)65535);
	same(1, "%030d", 5);
	same(1, "%X", 0xabcU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(numbers),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
