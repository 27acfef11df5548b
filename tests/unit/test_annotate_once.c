/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/api/annotate_once.h: what --cleanup asks of the API server, and how long it
 * waits. The transport, the clock and the log are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deploy/agent/api/annotate_once.h"
#include "deploy/agent/api/annotation_patch.h"

static struct {
	struct transport_end end; /* the answer */
	int64_t takes_ms; /* until it is there */
	bool open; /* the transport is */
	char path[128], body[1024]; /* what was asked; "": nothing */
} server;

static int64_t now; /* ms */
static char warning[1024]; /* "": none was written */

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	(void)clock;
	*ret = (struct timespec){now / 1000, now % 1000 * 1000000};
	return 0;
}

void log_error_at(const struct log *log, enum log_level level, const char *msg,
		  struct cni_error *err)
{
	(void)log;
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_string_equal(msg, "annotations of this node's Node may be left");
	snprintf(warning, sizeof(warning), "%.1000s", err->msg);
	error_clear(err);
}

/* -- the transport */

int transport_open(const struct transport_spec *spec,
		   const struct transport_receiver *receiver,
		   struct transport **ret_transport, struct cni_error *err)
{
	static char any;

	(void)spec;
	(void)err;
	assert_non_null(receiver->head);
	assert_non_null(receiver->body);
	server.open = true;
	*ret_transport = (void *)&any;
	return 0;
}

void transport_close(struct transport *transport)
{
	if (transport)
		server.open = false;
}

int transport_start(struct transport *transport, const char *path, const char *patch,
		    const struct transport_limits *limits, struct cni_error *err)
{
	(void)transport;
	assert_int_equal(limits->max_seconds, PATCH_SECONDS);
	if (strcmp(path, "/api/v1/nodes/no-token") == 0)
		return error_set(err, CNI_ERR_IO, 2, "reading token");
	snprintf(server.path, sizeof(server.path), "%s", path);
	snprintf(server.body, sizeof(server.body), "%s", patch);
	return 0;
}

bool transport_wait(struct transport *transport, struct pollfd *fds, size_t n,
		    int timeout_ms, struct transport_end *ret_end)
{
	(void)transport;
	(void)fds;
	assert_int_equal(n, 0);
	if (server.takes_ms > timeout_ms) {
		now += timeout_ms;
		server.takes_ms -= timeout_ms;
		return false;
	}
	now += server.takes_ms;
	*ret_end = server.end;
	return true;
}

void transport_abandon(struct transport *transport)
{
	(void)transport;
}

char *transport_escape(const char *text)
{
	return strdup(text);
}

/* -- */

static bool removed(const char *api, const char *node)
{
	static const char *const items[] = {"bridge-cni/wireguard-keys", "b"};
	static const struct log quiet;
	const struct transport_spec spec = {.server = api};
	const struct annotation_names names = {items, ARRAY_SIZE(items)};
	bool done;

	now = 1000000;
	warning[0] = server.path[0] = server.body[0] = '\0';
	done = annotations_remove(&spec, node, &names, "deploy/wireguard.yaml", &quiet);
	assert_false(server.open);
	assert_true(done == !warning[0]);
	return done;
}

static void answer(long status, const char *error, int64_t takes_ms)
{
	server.end = (struct transport_end){status, error, "the server's words"};
	server.takes_ms = takes_ms;
}

static void test_one_patch_removes_the_names_and_nothing_else(void **state)
{
	(void)state;
	answer(200, NULL, 3500);
	assert_true(removed("https://api", "node1"));
	assert_string_equal(server.path, "/api/v1/nodes/node1");
	assert_string_equal(server.body,
			    "{\n    \"metadata\": {\n        \"annotations\": {\n"
			    "            \"bridge-cni/wireguard-keys\": null,\n"
			    "            \"b\": null\n        }\n    }\n}\n");
}

static void test_a_node_that_is_gone_has_none(void **state)
{
	(void)state;
	answer(404, NULL, 10);
	assert_true(removed("https://api", "node1"));
}

static void test_what_keeps_it_from_being_done_is_told(void **state)
{
	static const struct {
		long status;
		const char *error, *says;
	} answers[] = {
		{403, NULL, "deploy/wireguard.yaml"},
		{401, NULL, "token"},
		{500, NULL, "HTTP status 500"},
		{0, "the connection broke", "the connection broke"},
		{200, "the answer is cut off", "the answer is cut off"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		answer(answers[i].status, answers[i].error, 10);
		assert_false(removed("https://api", "node1"));
		if (!strstr(warning, answers[i].says))
			fail_msg("%s: %s", answers[i].says, warning);
	}
	assert_false(removed("https://api", "no-token"));
	assert_non_null(strstr(warning, "reading token"));
}

static void test_a_server_that_never_answers_is_left_after_seconds(void **state)
{
	(void)state;
	answer(200, NULL, 3600000);
	assert_false(removed("https://api", "node1"));
	assert_in_range(now - 1000000, 10000, 12000);
	assert_non_null(strstr(warning, "no answer"));
}

static void test_without_a_server_or_a_name_nothing_is_sent(void **state)
{
	(void)state;
	answer(200, NULL, 10);
	assert_false(removed("", "node1"));
	assert_string_equal(server.path, "");
	assert_false(removed("https://api", ""));
	assert_string_equal(server.path, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_patch_removes_the_names_and_nothing_else),
		cmocka_unit_test(test_a_node_that_is_gone_has_none),
		cmocka_unit_test(test_what_keeps_it_from_being_done_is_told),
		cmocka_unit_test(test_a_server_that_never_answers_is_left_after_seconds),
		cmocka_unit_test(test_without_a_server_or_a_name_nothing_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
