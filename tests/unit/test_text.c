/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that grows: every length at every fill, and what is left when memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static int memory_left = -1; /* calls that succeed; -1: all */

static void *scarce_realloc(void *memory, size_t size)
{
	if (memory_left == 0)
		return NULL;
	if (memory_left > 0)
		memory_left--;
	return realloc(memory, size);
}

/* Under other names: the real ones are linked, too. */
#define text_add    tested_add
#define text_put    tested_put
#define text_append tested_append
#define text_cut    tested_cut
#define realloc	    scarce_realloc
#include "conf/base/text.c"
#undef realloc

#define PIECES 40

static void every_length_at_every_fill(void **state)
{
	(void)state;
	for (size_t step = 0; step < 2 * TEXT_MIN; step++) {
		char *whole = calloc(PIECES, 2 * TEXT_MIN), piece[2 * TEXT_MIN + 1];
		struct text text = {};

		memset(piece, 'a' + (int)(step % 26), sizeof(piece));
		piece[step] = '\0';
		for (int i = 0; i < PIECES; i++) {
			if (i % 2)
				text_put(&text, piece, step);
			else
				text_add(&text, "%s", piece);
			strcat(whole, piece);
		}
		assert_false(text.failed);
		assert_int_equal(text.len, PIECES * step);
		if (text.text)
			assert_string_equal(text.text, whole);
		assert_true(text.text || step == 0);
		free(text.text);
		free(whole);
	}
}

static void what_is_cut_ends_there(void **state)
{
	struct text text = {};

	(void)state;
	text_cut(&text, 0);
	assert_null(text.text);
	text_add(&text, "%d and %d", 1, 2);
	text_cut(&text, 100);
	assert_string_equal(text.text, "1 and 2");
	text_cut(&text, 1);
	assert_string_equal(text.text, "1");
	text_put(&text, "!", 1);
	assert_string_equal(text.text, "1!");
	free(text.text);
}

static void without_memory_it_says_so(void **state)
{
	char piece[4 * TEXT_MIN];
	struct text text = {};

	(void)state;
	memset(piece, 'x', sizeof(piece));
	memory_left = 0;
	text_add(&text, "%s", "lost");
	assert_true(text.failed && !text.text);

	text = (struct text){};
	memory_left = 1;
	text_put(&text, "kept", 4);
	text_put(&text, piece, sizeof(piece));
	assert_true(text.failed);
	assert_int_equal(text.len, 4);
	text_put(&text, "!", 1); /* has room; what is missing stays known */
	assert_true(text.failed);
	memory_left = -1;
	free(text.text);
}

static void what_a_failed_addition_left_is_cut(void **state)
{
	struct text text = {};
	char piece[4 * TEXT_MIN] = {};

	(void)state;
	memset(piece, 'x', sizeof(piece) - 1);
	text_add(&text, "%s", "kept");
	memory_left = 0;
	text_add(&text, "%s", piece);
	memory_left = -1;
	assert_true(text.failed);
	text_cut(&text, 4);
	assert_string_equal(text.text, "kept");
	free(text.text);
}

static void a_text_is_added_with_what_is_missing_in_it(void **state)
{
	struct text text = {}, none = {}, more = {};

	(void)state;
	text_append(&text, &none);
	assert_true(text.len == 0 && !text.failed);
	text_add(&text, "a");
	text_add(&more, "bc");
	text_append(&text, &more);
	assert_string_equal(text.text, "abc");
	assert_string_equal(more.text, "bc");
	assert_false(text.failed);
	more.failed = true;
	text_append(&text, &more);
	assert_true(text.failed);
	free(text.text);
	free(more.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_at_every_fill),
		cmocka_unit_test(what_is_cut_ends_there),
		cmocka_unit_test(without_memory_it_says_so),
		cmocka_unit_test(what_a_failed_addition_left_is_cut),
		cmocka_unit_test(a_text_is_added_with_what_is_missing_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
