/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/tunnel/wireguard_log.h: other nodes decide what changes, and not how much is
 * logged. The clock and the log are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "deploy/agent/tunnel/wireguard_log.h"

static int64_t seconds; /* the time */
static size_t lines;
static char last[512]; /* the last line: the message, and values */

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	(void)clock;
	*ret_time = (struct timespec){.tv_sec = seconds};
	return 0;
}

void log_line(const struct log *log, enum log_level level, const char *msg,
	      const char *const *pairs)
{
	size_t len = (size_t)snprintf(last, sizeof(last), "%s", msg);

	(void)log, (void)level;
	lines++;
	for (; *pairs; pairs += 2)
		len += (size_t)snprintf(last + len, sizeof(last) - len, " %s=%s",
					pairs[0], pairs[1]);
}

static struct wireguard_log state;
static struct wireguard_wanted wanted;
static struct wireguard_refusal refused[30];

static int begin(void **unused)
{
	(void)unused;
	seconds = 1000;
	lines = 0;
	last[0] = '\0';
	state = (struct wireguard_log){};
	wanted = (struct wireguard_wanted){.refused = refused};
	return 0;
}

/* Tells that so many peers of the first device have changed; gives how many lines came. */
static size_t tell(size_t peers)
{
	const struct tunnel_wireguard_done done[WIREGUARD_SLOTS] = {{.peers = peers}};
	size_t before = lines;

	wireguard_log_done(&state, &wanted, done, NULL);
	return lines - before;
}

static void test_peers_are_told_of_once_a_minute_and_none_is_forgotten(void **unused)
{
	(void)unused;
	assert_int_equal(tell(0), 0);
	assert_int_equal(tell(3), 1);
	assert_string_equal(last, "peers changed device=bcni-wg peers=3");
	for (int i = 0; i < 59; i++) {
		seconds++;
		assert_int_equal(tell(2), 0);
	}
	seconds++;
	wireguard_log_peers(&state, NULL);
	assert_int_equal(lines, 2);
	assert_string_equal(last, "peers changed device=bcni-wg peers=118");
	seconds += 1000;
	assert_int_equal(tell(0), 0);
	assert_int_equal(tell(1), 1);
}

static void
test_a_node_that_says_another_ones_key_now_and_then_fills_no_log(void **unused)
{
	size_t told = 0;

	(void)unused;
	refused[0] = (struct wireguard_refusal){"node9", "node1"};
	wanted.n_refused = 1;
	assert_int_equal(tell(0), 1);
	assert_non_null(strstr(last, "node=node9 owner=node1"));
	for (int i = 1; i <= 600; i++) {
		seconds++;
		wanted.n_refused = i % 2;
		told += tell(0);
	}
	assert_in_range(told, 0, 10);
	/* What lasts is told once. */
	wanted.n_refused = 1;
	seconds += 60;
	tell(0);
	seconds += 600;
	assert_int_equal(tell(0), 0);
}

static void test_the_first_refused_key_is_told_at_once(void **unused)
{
	(void)unused;
	assert_int_equal(tell(0), 0); /* The agent starts, and no key is refused. */
	seconds++;
	refused[0] = (struct wireguard_refusal){"node9", "node1"};
	wanted.n_refused = 1;
	assert_int_equal(tell(0), 1);
	/* Nor does a key that is refused no more put off the next one for a minute. */
	wanted.n_refused = 0;
	seconds += 60;
	assert_int_equal(tell(0), 0);
	wanted.n_refused = 1;
	assert_int_equal(tell(0), 1);
}

static void test_what_could_not_be_told_is_due_when_the_minute_is_over(void **unused)
{
	(void)unused;
	refused[0] = (struct wireguard_refusal){"node9", "node1"};
	refused[1] = (struct wireguard_refusal){"node8", NULL};
	wanted.n_refused = 1;
	assert_int_equal(tell(0), 1);
	assert_false(wireguard_log_due(&state));
	seconds += 59;
	wanted.n_refused = 2;
	assert_int_equal(tell(0), 0);
	assert_false(wireguard_log_due(&state));
	seconds++;
	assert_true(wireguard_log_due(&state));
	assert_int_equal(tell(0), 2);
	assert_non_null(strstr(last, "node=node8"));
	seconds += 1000;
	assert_false(wireguard_log_due(&state));
}

static void test_many_keys_make_twenty_lines(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		refused[i] = (struct wireguard_refusal){"node9", NULL};
	wanted.n_refused = ARRAY_SIZE(refused);
	assert_int_equal(tell(0), 20);
	assert_non_null(strstr(last, "node=node9"));
	assert_null(strstr(last, "owner="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			test_peers_are_told_of_once_a_minute_and_none_is_forgotten,
			begin),
		cmocka_unit_test_setup(
			test_a_node_that_says_another_ones_key_now_and_then_fills_no_log,
			begin),
		cmocka_unit_test_setup(test_the_first_refused_key_is_told_at_once, begin),
		cmocka_unit_test_setup(
			test_what_could_not_be_told_is_due_when_the_minute_is_over,
			begin),
		cmocka_unit_test_setup(test_many_keys_make_twenty_lines, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
