/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/api/contact.h: what is said of an API server that doesn't answer, and
 * when. The clock and the log are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deploy/agent/api/contact.h"

#define BEGAN	  1000000
#define RETRY_MAX 30000
#define BACK	  "the API server answers again"

static int64_t now; /* ms */
static enum log_level last_level;
static char last_msg[64]; /* "": nothing was said since said() */

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	(void)clock;
	*ret = (struct timespec){now / 1000, now % 1000 * 1000000};
	return 0;
}

void log_line(const struct log *log, enum log_level level, const char *msg,
	      const char *const *pairs)
{
	(void)log;
	(void)pairs;
	last_level = level;
	strncpy(last_msg, msg, sizeof(last_msg) - 1);
}

void log_error_at(const struct log *log, enum log_level level, const char *msg,
		  struct cni_error *err)
{
	log_line(log, level, msg, NULL);
	error_clear(err);
}

static bool said(const char *msg)
{
	bool same = strcmp(last_msg, msg) == 0;

	last_msg[0] = '\0';
	return same;
}

static int begin(void **state)
{
	struct contact *contact = calloc(1, sizeof(*contact));

	if (!contact)
		return -1;
	now = BEGAN;
	contact_init(contact, NULL, RETRY_MAX);
	last_msg[0] = '\0';
	*state = contact;
	return 0;
}

static int end(void **state)
{
	free(*state);
	return 0;
}

/* A request that takes @ms and fails. @status: 0: it wasn't answered. Gives the pause. */
static unsigned int request(struct contact *contact, long status, int64_t ms)
{
	struct cni_error err = {};

	error_set(&err, CNI_ERR_IO, 0, "why");
	contact_begin(contact);
	now += ms;
	if (status)
		contact_head(contact, status);
	return contact_failed(contact, "failed", &err, status == 410, 0);
}

/* Goes on until the pause is the longest. */
static void fail_for_long(struct contact *contact, long status)
{
	for (int i = 0; i < 12; i++)
		now += request(contact, status, 10);
	assert_true(said("failed"));
	assert_int_equal(last_level, LOG_LEVEL_ERROR);
}

static void test_failures_of_a_moment_are_info_and_then_errors(void **state)
{
	const int64_t began = now;

	while (now < began + 4990) {
		unsigned int pause = request(*state, 0, 1);

		assert_true(said("failed"));
		assert_int_equal(last_level, LOG_LEVEL_INFO);
		now += pause;
	}
	now = began + 5000;
	request(*state, 0, 1);
	assert_int_equal(last_level, LOG_LEVEL_ERROR);
}

static void test_a_first_failure_that_took_long_is_an_error(void **state)
{
	request(*state, 0, 10000);
	assert_int_equal(last_level, LOG_LEVEL_ERROR);
}

static void test_a_watch_that_breaks_off_after_long_has_just_begun_to_fail(void **state)
{
	struct contact *contact = *state;
	struct cni_error err = {};

	contact_begin(contact);
	contact_head(contact, 200);
	now += 300000;
	assert_true(contact_has_lasted(contact) && !contact_is_overdue(contact));
	contact_failed(contact, "failed", &err, false, 0);
	assert_int_equal(last_level, LOG_LEVEL_INFO);
}

static void test_refusals_are_no_answers(void **state)
{
	struct contact *contact = *state;

	request(contact, 403, 10);
	request(contact, 500, 10);
	assert_int_equal(contact_heard_ms(contact), BEGAN);
	contact_begin(contact);
	contact_head(contact, 429);
	now += 29000;
	assert_false(contact_is_overdue(contact));
	now += 1000;
	assert_true(contact_is_overdue(contact) && !contact_has_lasted(contact));
}

static void test_a_server_that_answers_after_silence_is_told_of_once(void **state)
{
	struct contact *contact = *state;

	fail_for_long(contact, 0);
	contact_begin(contact);
	contact_head(contact, 200);
	assert_true(said(BACK));
	assert_int_equal(last_level, LOG_LEVEL_INFO);
	assert_int_equal(contact_heard_ms(contact), now);
	contact_head(contact, 200);
	contact_good(contact);
	assert_true(said(""));
}

/* Only the end of such an answer, or a watch that goes on, says that it was none of
 * them. */
static void test_answers_that_were_of_no_use_are_over_when_one_is_whole(void **state)
{
	struct contact *contact = *state;

	fail_for_long(contact, 200);
	contact_begin(contact);
	contact_head(contact, 200);
	assert_true(said(""));
	contact_whole(contact);
	assert_true(said(BACK));
}

/* A server may give lists, and refuse each watch: lists must not come in a quick row. */
static void test_a_whole_list_shortens_no_pause_and_a_good_watch_does(void **state)
{
	struct contact *contact = *state;

	fail_for_long(contact, 400);
	contact_begin(contact);
	contact_head(contact, 200);
	contact_whole(contact);
	assert_in_range(request(contact, 400, 10), RETRY_MAX / 2, RETRY_MAX);
	contact_begin(contact);
	contact_head(contact, 200);
	contact_good(contact);
	assert_in_range(request(contact, 400, 10), 0, RETRY_FIRST_MS);
}

static void
test_a_version_that_is_too_old_after_an_outage_is_info_and_leads_to_a_list_soon(
	void **state)
{
	const long before[] = {0, 500};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		fail_for_long(*state, before[i]);
		assert_in_range(request(*state, 410, 10), 0, RETRY_FIRST_MS);
		assert_true(said("failed"));
		assert_int_equal(last_level, LOG_LEVEL_INFO);
	}
}

static void
test_versions_that_are_always_too_old_are_an_error_and_wait_longer(void **state)
{
	fail_for_long(*state, 410);
	assert_in_range(request(*state, 410, 10), RETRY_MAX / 2, RETRY_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_failures_of_a_moment_are_info_and_then_errors),
		TEST(test_a_first_failure_that_took_long_is_an_error),
		TEST(test_a_watch_that_breaks_off_after_long_has_just_begun_to_fail),
		TEST(test_refusals_are_no_answers),
		TEST(test_a_server_that_answers_after_silence_is_told_of_once),
		TEST(test_answers_that_were_of_no_use_are_over_when_one_is_whole),
		TEST(test_a_whole_list_shortens_no_pause_and_a_good_watch_does),
		TEST(test_a_version_that_is_too_old_after_an_outage_is_info_and_leads_to_a_list_soon),
		TEST(test_versions_that_are_always_too_old_are_an_error_and_wait_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
