/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contract of conf/base/error.h, and that what is printed is UTF-8 whatever happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "conf/base/error.h"
#include "conf/base/utf8.h"

static void setting_keeps_code_and_text_and_returns_the_errno(void **state)
{
	struct cni_error err = {};

	(void)state;
	assert_int_equal(error_set(&err, CNI_ERR_CONFIG, EINVAL, "mtu: %d", 5), -EINVAL);
	assert_int_equal(err.code, 7);
	assert_string_equal(err.msg, "mtu: 5");
	assert_string_equal(err.details, "");
}

static void a_system_error_names_its_errno(void **state)
{
	struct cni_error err = {};

	(void)state;
	assert_int_equal(error_errno(&err, CNI_ERR_IO, ENOSPC, "write %s", "/x"),
			 -ENOSPC);
	assert_int_equal(err.code, 5);
	assert_string_equal(err.msg, "write /x: No space left on device");
	assert_string_equal(err.details, "errno 28 (ENOSPC)");
}

static void out_of_memory_is_our_own_code(void **state)
{
	struct cni_error err = {};

	(void)state;
	assert_int_equal(error_oom(&err), -ENOMEM);
	assert_int_equal(err.code, 100);
	assert_string_equal(err.msg, "out of memory");
}

static void wrapping_puts_context_in_front_and_keeps_the_rest(void **state)
{
	struct cni_error err = {};

	(void)state;
	error_set(&err, 101, EEXIST, "File exists");
	error_details(&err, "a %s", "detail");
	error_details(&err, "another");
	error_wrap(&err, "add %s", "veth0");
	error_wrap(&err, "stage veth");
	assert_int_equal(err.code, 101);
	assert_string_equal(err.msg, "stage veth: add veth0: File exists");
	assert_string_equal(err.details, "a detail; another");
}

static void clearing_makes_room_for_another_error(void **state)
{
	struct cni_error err = {};

	(void)state;
	error_errno(&err, CNI_ERR_IO, ENOENT, "open");
	assert_int_equal(error_clear(&err), 0);
	error_set(&err, CNI_ERR_CONFIG, EINVAL, "second");
	assert_int_equal(err.code, 7);
	assert_string_equal(err.msg, "second");
	assert_string_equal(err.details, "");
}

static void a_caller_whom_the_result_is_enough_gives_no_error_object(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, CNI_ERR_CONFIG, EINVAL, "mtu: %d", 5), -EINVAL);
	assert_int_equal(error_errno(NULL, CNI_ERR_IO, ENOSPC, "write"), -ENOSPC);
	assert_int_equal(error_oom(NULL), -ENOMEM);
	error_details(NULL, "a %s", "detail");
	error_wrap(NULL, "add %s", "veth0");
	assert_int_equal(error_clear(NULL), 0);
}

/* Runs in a child, since assert() aborts. */
static bool aborts(void (*f)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){});
		signal(SIGABRT, SIG_DFL);
		fclose(stderr);
		f();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void set_twice(void)
{
	struct cni_error err = {};

	error_set(&err, CNI_ERR_CONFIG, EINVAL, "first");
	error_set(&err, CNI_ERR_IO, EIO, "second");
}

static void set_without_code(void)
{
	struct cni_error err = {};

	error_set(&err, 0, EINVAL, "no code");
}

static void set_once(void)
{
	struct cni_error err = {};

	error_set(&err, CNI_ERR_CONFIG, EINVAL, "first");
}

static void a_second_error_and_one_without_code_are_bugs(void **state)
{
	(void)state;
	assert_true(aborts(set_twice));
	assert_true(aborts(set_without_code));
	assert_false(aborts(set_once));
}

static void text_that_does_not_fit_is_cut_between_characters(void **state)
{
	char text[2 * ERROR_MSG_MAX];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		struct cni_error err = {};

		/* U+1F600, four bytes, at every alignment to the buffer's end. */
		memset(text, 'x', shift);
		for (size_t i = shift; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, "\xf0\x9f\x98\x80", 5);
		error_set(&err, CNI_ERR_IO, EIO, "%s", text);
		error_details(&err, "%s", text);
		assert_in_range(strlen(err.msg), ERROR_MSG_MAX - 5, ERROR_MSG_MAX - 1);
		assert_int_equal((strlen(err.msg) - shift) % 4, 0);
		assert_int_equal((strlen(err.details) - shift) % 4, 0);
		error_wrap(&err, "context");
		error_details(&err, "more");
		assert_memory_equal(err.msg, "context: ", 9);
		assert_int_equal((strlen(err.msg) - 9 - shift) % 4, 0);
		assert_in_range(strlen(err.details), ERROR_DETAILS_MAX - 8,
				ERROR_DETAILS_MAX - 1);
	}
}

static void bytes_that_are_no_utf8_become_question_marks(void **state)
{
	struct cni_error err = {};
	char bytes[ERROR_MSG_MAX];

	(void)state;
	error_set(&err, CNI_ERR_CONFIG, EINVAL, "a\xffz \xc3\xa4 \xe2\x82");
	error_details(&err, "%s", "\x80");
	error_wrap(&err, "\xed\xa0\x80");
	assert_string_equal(err.msg, "???: a?z \xc3\xa4 ??");
	assert_string_equal(err.details, "?");

	/* One byte for one: three times as long it was too long for our own reader. */
	memset(bytes, 0xff, sizeof(bytes) - 1);
	bytes[sizeof(bytes) - 1] = '\0';
	err = (struct cni_error){};
	error_set(&err, CNI_ERR_CONFIG, EINVAL, "%s", bytes);
	assert_int_equal(strlen(err.msg), ERROR_MSG_MAX - 1);
	assert_int_equal(strspn(err.msg, "?"), ERROR_MSG_MAX - 1);
}

static void utf8_is_judged_by_rfc_3629(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{"a", 1},
		{"\xc3\xa4", 2},
		{"\xe2\x82\xac", 3},
		{"\xf0\x9f\x98\x80", 4},
		{"\xf4\x8f\xbf\xbf", 4},
		{"\xed\x9f\xbf", 3},
		{"\x80", 0},
		{"\xc3", 0},
		{"\xc3(", 0},
		{"\xe2\x82", 0},
		{"\xc0\x80", 0},
		{"\xc1\xbf", 0},
		{"\xe0\x9f\xbf", 0},
		{"\xed\xa0\x80", 0},
		{"\xf0\x8f\xbf\xbf", 0},
		{"\xf4\x90\x80\x80", 0},
		{"\xf5\x80\x80\x80", 0},
		{"\xff", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(utf8_char_len(cases[i].text, strlen(cases[i].text)),
				 cases[i].len);
}

static void cutting_drops_only_an_unfinished_character(void **state)
{
	(void)state;
	assert_int_equal(utf8_cut("ab", 2), 2);
	assert_int_equal(utf8_cut("ab\xc3", 3), 2);
	assert_int_equal(utf8_cut("a\xc3\xa4", 3), 3);
	assert_int_equal(utf8_cut("a\xe2\x82", 3), 1);
	assert_int_equal(utf8_cut("\xf0\x9f\x98", 3), 0);
	assert_int_equal(utf8_cut("\xf0\x9f\x98\x80", 4), 4);
	assert_int_equal(utf8_cut("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_keeps_code_and_text_and_returns_the_errno),
		cmocka_unit_test(a_system_error_names_its_errno),
		cmocka_unit_test(out_of_memory_is_our_own_code),
		cmocka_unit_test(wrapping_puts_context_in_front_and_keeps_the_rest),
		cmocka_unit_test(clearing_makes_room_for_another_error),
		cmocka_unit_test(
			a_caller_whom_the_result_is_enough_gives_no_error_object),
		cmocka_unit_test(a_second_error_and_one_without_code_are_bugs),
		cmocka_unit_test(text_that_does_not_fit_is_cut_between_characters),
		cmocka_unit_test(bytes_that_are_no_utf8_become_question_marks),
		cmocka_unit_test(utf8_is_judged_by_rfc_3629),
		cmocka_unit_test(cutting_drops_only_an_unfinished_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
