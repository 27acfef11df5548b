/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text from outside does nothing to a terminal or a log, and stays readable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/logfmt.h"
#include "conf/base/printable.h"

static const struct {
	const char *text, *printed, *logged;
} cases[] = {
	{"eth0", "eth0", "eth0"},
	{"", "", "\"\""},
	{"a b", "a b", "\"a b\""},
	{"a\nb\r", "a\\x0ab\\x0d", "\"a\\x0ab\\x0d\""},
	{"\x1b]0;title\x07", "\\x1b]0;title\\x07", "\"\\x1b]0;title\\x07\""},
	{"\x7f", "\\x7f", "\"\\x7f\""},
	/* U+009B, which is ESC [ to a terminal, but not U+00A0. */
	{"\xc2\x9b"
	 "2J\xc2\xa0",
	 "\\xc2\\x9b2J\xc2\xa0", "\"\\xc2\\x9b2J\xc2\xa0\""},
	{"\x9b"
	 "2J",
	 "\\x9b2J", "\"\\x9b2J\""},
	{"\xc3\xa4\xf0\x9f\x98\x80", "\xc3\xa4\xf0\x9f\x98\x80",
	 "\"\xc3\xa4\xf0\x9f\x98\x80\""},
	/* Cut off, overlong, half a surrogate pair. */
	{"\xf0\x9f\x98", "\\xf0\\x9f\\x98", "\"\\xf0\\x9f\\x98\""},
	{"\xc0\x8a", "\\xc0\\x8a", "\"\\xc0\\x8a\""},
	{"\xed\xa0\x80", "\\xed\\xa0\\x80", "\"\\xed\\xa0\\x80\""},
	{"say \"\\\"", "say \"\\\"", "\"say \\\"\\\\\\\"\""},
};

static void what_it_does_to_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct text text = {};

		text_add(&text, "|");
		text_add_printable(&text, cases[i].text);
		assert_string_equal(text.text + 1, cases[i].printed);
		free(text.text);
	}
}

static void what_it_does_to_a_value_in_a_log(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[LOG_LINE_MAX] = "";
		struct logfmt line = {.text = text};

		logfmt_value(&line, "k", cases[i].text);
		assert_memory_equal(text, " k=", 3);
		assert_string_equal(text + 3, cases[i].logged);
	}
}

static void a_character_is_within_its_bounds(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1u << 24; i += i < 1u << 16 ? 1 : 251) {
		char text[] = {(char)(i & 0xff), (char)(i >> 8 & 0xff), (char)(i >> 16),
			       0};
		const char *at = text;
		char chars[PRINTABLE_MAX];
		size_t n;

		while ((n = printable_next(&at, chars)) > 0) {
			assert_true(n < PRINTABLE_MAX);
			for (size_t k = 0; k < n; k++)
				assert_true((unsigned char)chars[k] >= ' ' &&
					    chars[k] != 0x7f);
		}
		assert_ptr_equal(at, text + strlen(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_does_to_text),
		cmocka_unit_test(what_it_does_to_a_value_in_a_log),
		cmocka_unit_test(a_character_is_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
