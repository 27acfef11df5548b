/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deploy/agent/api/reflector.h: how the own Node is annotated, between list and watch.
 * The transport, the clock and the log are the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deploy/agent/api/node_table.h"
#include "deploy/agent/api/reflector.h"

#define RETRY_MAX 30000
#define MINUTES	  60000

/* What the server does, and what it was asked. */
static struct {
	struct transport_receiver receiver;
	bool active; /* a request is under way */
	char path[512], body[1024]; /* of the last request, and of the last patch */
	size_t lists, watches, patches; /* how many were started */
	const char *listed; /* the annotations of the own Node in a list; NULL: no Node */
	long status; /* of the answer to a patch; 0: the connection breaks */
	const char *then; /* the own Node's annotations behind a patch; NULL: as before */
	const char *after; /* what somebody else makes of them then; NULL: nothing */
	bool news; /* @then is to be told of */
	bool ends;
	struct transport_end end;
} server;

static int64_t now; /* ms */
static char errors[1024]; /* the last one that was logged */
static unsigned int version;

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
	(void)level;
	(void)msg;
	(void)pairs;
}

void log_error_at(const struct log *log, enum log_level level, const char *msg,
		  struct cni_error *err)
{
	(void)log;
	(void)level;
	(void)msg;
	snprintf(errors, sizeof(errors), "%.1000s", err->msg);
	error_clear(err);
}

void log_error_once(const struct log *log, uint64_t *last, const char *msg,
		    struct cni_error *err)
{
	(void)last;
	log_error_at(log, LOG_LEVEL_ERROR, msg, err);
}

/* -- the transport */

int transport_open(const struct transport_spec *spec,
		   const struct transport_receiver *receiver,
		   struct transport **ret_transport, struct cni_error *err)
{
	(void)spec;
	(void)ret_transport;
	(void)err;
	server.receiver = *receiver;
	return 0;
}

void transport_close(struct transport *transport)
{
	(void)transport;
}

char *transport_escape(const char *text)
{
	return strdup(text);
}

static void deliver(const char *text)
{
	assert_int_equal(server.receiver.body(text, strlen(text), server.receiver.data),
			 0);
}

static void event(const char *annotations)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"own\","
		 "\"resourceVersion\":\"%u\",\"annotations\":%s}}}\n",
		 ++version, annotations);
	deliver(text);
}

static void answer_list(void)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"resourceVersion\":\"%u\"},\"items\":["
		 "{\"metadata\":{\"name\":\"own\",\"annotations\":%s}}]}",
		 ++version, server.listed);
	server.receiver.head(200, server.receiver.data);
	deliver(text);
	server.end = (struct transport_end){.status = 200, .refusal = ""};
	server.ends = true;
}

static void answer_patch(void)
{
	server.end = (struct transport_end){.status = server.status, .refusal = "words"};
	if (server.status)
		server.receiver.head(server.status, server.receiver.data);
	else
		server.end.error = "the connection broke";
	if (server.status == 200) {
		/* The reflector doesn't read it. */
		deliver("{\"kind\":\"Node\",\"metadata\":{\"name\":\"own\"}}");
		server.news = server.then;
	}
	server.ends = true;
}

static void answer_watch(void)
{
	server.receiver.head(200, server.receiver.data);
	if (!server.news)
		return;
	server.news = false;
	event(server.then);
	if (server.after)
		event(server.after);
}

int transport_start(struct transport *transport, const char *path, const char *patch,
		    const struct transport_limits *limits, struct cni_error *err)
{
	(void)transport;
	(void)err;
	assert_false(server.active);
	assert_true(limits->max_seconds > 0);
	server.active = true;
	snprintf(server.path, sizeof(server.path), "%s", path);
	if (patch) {
		snprintf(server.body, sizeof(server.body), "%s", patch);
		server.patches++;
	} else if (strstr(path, "watch=true")) {
		server.watches++;
	} else {
		server.lists++;
	}
	return 0;
}

bool transport_wait(struct transport *transport, struct pollfd *fds, size_t n,
		    int timeout_ms, struct transport_end *ret_end)
{
	(void)transport;
	(void)fds;
	(void)n;
	(void)timeout_ms;
	if (server.ends) {
		server.ends = server.active = false;
		*ret_end = server.end;
		return true;
	}
	if (!server.active)
		return false;
	if (strncmp(server.path, "/api/v1/nodes/", 14) == 0)
		answer_patch();
	else if (strstr(server.path, "watch=true"))
		answer_watch();
	else
		answer_list();
	return false;
}

void transport_abandon(struct transport *transport)
{
	(void)transport;
	server.active = server.ends = false;
}

int64_t transport_retry_after(const struct transport *transport)
{
	(void)transport;
	return 0;
}

const char *transport_outdated(struct transport *transport)
{
	(void)transport;
	return NULL;
}

/* -- a node and its reflector */

static const char *const names[] = {"bridge-cni/keys", "example.org/b"};
static const struct log quiet;

struct node {
	struct reflector_spec spec;
	struct node_table nodes;
	struct reflector *reflector;
};

static int begin(void **state)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return -1;
	memset(&server, 0, sizeof(server));
	server.listed = "{}";
	server.status = 200;
	now = 1000000;
	version = 6;
	errors[0] = '\0';
	node->spec = (struct reflector_spec){
		.transport.server = "https://api",
		.retry_max_ms = RETRY_MAX,
		.watch_seconds = 86400,
		.own_node = "own",
		.max_nodes = 10,
		.annotations = {names, ARRAY_SIZE(names)},
		.patch_rights = "deploy/wireguard.yaml",
	};
	*state = node;
	return reflector_open(&node->spec, &node->nodes, &quiet, &node->reflector, NULL);
}

static int end(void **state)
{
	struct node *node = *state;

	reflector_close(node->reflector);
	node_table_clear(&node->nodes);
	free(node);
	return 0;
}

static void wish(struct node *node, const char *value)
{
	struct annotation_wish wishes[] = {{names[0], value}};

	reflector_annotate(node->reflector, wishes, 1);
}

/* The agent's loop for so long. */
static void pass(struct node *node, int64_t ms)
{
	for (int64_t until = now + ms; now < until; now += 50)
		for (int i = 0; i < 4; i++)
			reflector_wait(node->reflector, NULL, 0, 0);
}

static const struct reflector_state *state_of(const struct node *node)
{
	return reflector_state(node->reflector);
}

static void test_without_a_wish_nothing_is_written(void **state)
{
	pass(*state, MINUTES);
	assert_true(state_of(*state)->watching && state_of(*state)->annotated);
	event("{\"bridge-cni/keys\":\"somebody's\"}");
	pass(*state, 10 * MINUTES);
	assert_int_equal(server.patches, 0);
	assert_int_equal(server.watches, 1);
}

static void test_a_wish_interrupts_the_watch_which_goes_on_from_there(void **state)
{
	pass(*state, MINUTES);
	assert_non_null(strstr(server.path, "resourceVersion=7&"));
	wish(*state, "51820:\"a\"");
	assert_false(state_of(*state)->annotated);
	server.then = "{\"bridge-cni/keys\":\"51820:\\\"a\\\"\",\"other\":\"x\"}";
	pass(*state, 50);
	assert_int_equal(server.patches, 1);
	assert_string_equal(server.body,
			    "{\n    \"metadata\": {\n        \"annotations\": {\n"
			    "            \"bridge-cni/keys\": \"51820:\\\"a\\\"\"\n"
			    "        }\n    }\n}\n");
	pass(*state, 50);
	assert_int_equal(server.watches, 2);
	assert_non_null(strstr(server.path, "resourceVersion=7&"));
	assert_true(state_of(*state)->annotated && state_of(*state)->watching);
	assert_int_equal(state_of(*state)->patches, 1);
	/* The same wish once more is nothing new. */
	wish(*state, "51820:\"a\"");
	pass(*state, 10 * MINUTES);
	assert_int_equal(server.patches, 1);
	assert_int_equal(server.lists, 1);
	assert_int_equal(state_of(*state)->failures, 0);
}

static void test_a_wish_that_is_there_before_the_list_is_sent_behind_it(void **state)
{
	wish(*state, "a");
	server.then = "{\"bridge-cni/keys\":\"a\"}";
	pass(*state, MINUTES);
	assert_int_equal(server.patches, 1);
	assert_int_equal(server.watches, 1);
}

static void test_what_is_as_wished_is_not_written(void **state)
{
	server.listed = "{\"bridge-cni/keys\":\"a\"}";
	wish(*state, "a");
	pass(*state, MINUTES);
	assert_true(state_of(*state)->annotated);
	assert_int_equal(server.patches, 0);
	/* An empty text is not an absent one. */
	wish(*state, "");
	server.then = "{\"bridge-cni/keys\":\"\"}";
	pass(*state, MINUTES);
	assert_int_equal(server.patches, 1);
	assert_true(state_of(*state)->annotated);
}

static void test_an_annotation_is_removed(void **state)
{
	server.listed = "{\"bridge-cni/keys\":\"a\",\"example.org/b\":\"b\"}";
	wish(*state, NULL);
	server.then = "{\"example.org/b\":\"b\"}";
	pass(*state, MINUTES);
	assert_int_equal(server.patches, 1);
	assert_non_null(strstr(server.body, "\"bridge-cni/keys\": null\n"));
	assert_null(strstr(server.body, "example.org/b"));
	assert_true(state_of(*state)->annotated);
}

static void test_somebody_who_undoes_it_is_answered_once_more(void **state)
{
	wish(*state, "a");
	server.then = "{\"bridge-cni/keys\":\"a\"}";
	pass(*state, MINUTES);
	event("{}");
	assert_false(state_of(*state)->annotated);
	pass(*state, 100);
	assert_int_equal(server.patches, 2);
	assert_true(state_of(*state)->annotated);
}

static void test_somebody_who_undoes_it_at_once_is_answered_with_pauses(void **state)
{
	wish(*state, "a");
	server.then = "{\"bridge-cni/keys\":\"a\"}";
	server.after = "{}";
	pass(*state, 60 * MINUTES);
	assert_in_range(server.patches, 120, 260);
}

static void test_a_patch_that_the_watch_does_not_show_is_sent_again(void **state)
{
	wish(*state, "a");
	pass(*state, 4900);
	assert_int_equal(server.patches, 1);
	pass(*state, 1000);
	assert_int_equal(server.patches, 2);
}

static void test_another_wish_does_not_wait(void **state)
{
	wish(*state, "a");
	server.then = "{\"bridge-cni/keys\":\"a\"}";
	pass(*state, MINUTES);
	wish(*state, "b");
	server.then = "{\"bridge-cni/keys\":\"b\"}";
	pass(*state, 500);
	wish(*state, "c");
	server.then = "{\"bridge-cni/keys\":\"c\"}";
	pass(*state, 1000);
	assert_int_equal(server.patches, 3);
	assert_true(state_of(*state)->annotated);
}

static void
test_without_the_right_to_it_the_watch_goes_on_and_the_manifest_is_named(void **state)
{
	server.status = 403;
	wish(*state, "a");
	pass(*state, 60 * MINUTES);
	assert_in_range(server.patches, 120, 260);
	assert_non_null(strstr(state_of(*state)->patch_refused, "deploy/wireguard.yaml"));
	assert_non_null(strstr(errors, "deploy/wireguard.yaml"));
	assert_int_equal(state_of(*state)->patch_failures, server.patches);
	assert_int_equal(state_of(*state)->patches, 0);
	assert_int_equal(state_of(*state)->failures, 0);
	event("{\"example.org/b\":\"b\"}");
	assert_string_equal(
		node_annotation(node_table_find(&((struct node *)*state)->nodes, "own"),
				1),
		"b");
	assert_int_equal(server.lists, 1);
	/* It may be given later. */
	server.status = 200;
	server.then = "{\"bridge-cni/keys\":\"a\"}";
	pass(*state, MINUTES);
	assert_true(state_of(*state)->annotated);
	assert_string_equal(state_of(*state)->patch_refused, "");
}

static void test_what_fails_is_tried_again_with_pauses(void **state)
{
	static const long status[] = {0, 409, 500, 429};

	wish(*state, "a");
	for (size_t i = 0; i < ARRAY_SIZE(status); i++) {
		size_t before = server.patches;

		server.status = status[i];
		pass(*state, 10 * MINUTES);
		assert_in_range(server.patches - before, 18, 60);
		assert_string_equal(state_of(*state)->patch_refused, "");
	}
	/* A server that fails is not asked more often for another wish. */
	server.patches = 0;
	for (int i = 0; i < 20; i++) {
		wish(*state, i % 2 ? "b" : "c");
		pass(*state, 100);
	}
	assert_in_range(server.patches, 0, 1);
	server.status = 200;
	server.then = "{\"bridge-cni/keys\":\"b\"}";
	pass(*state, MINUTES);
	assert_true(state_of(*state)->annotated);
}

static void test_a_wish_is_taken_back(void **state)
{
	server.status = 403;
	wish(*state, "a");
	pass(*state, MINUTES);
	reflector_annotate(((struct node *)*state)->reflector, NULL, 0);
	server.patches = 0;
	pass(*state, 10 * MINUTES);
	assert_int_equal(server.patches, 0);
	assert_true(state_of(*state)->annotated);
	assert_string_equal(state_of(*state)->patch_refused, "");
}

static void test_a_node_that_is_gone_is_not_written(void **state)
{
	pass(*state, MINUTES);
	deliver("{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"own\"}}}\n");
	wish(*state, "a");
	pass(*state, MINUTES);
	assert_int_equal(server.patches, 0);
	assert_false(state_of(*state)->annotated);
	server.then = "{\"bridge-cni/keys\":\"a\"}";
	event("{}");
	pass(*state, 1000);
	assert_int_equal(server.patches, 1);
	assert_true(state_of(*state)->annotated);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_a_wish_nothing_is_written),
		TEST(test_a_wish_interrupts_the_watch_which_goes_on_from_there),
		TEST(test_a_wish_that_is_there_before_the_list_is_sent_behind_it),
		TEST(test_what_is_as_wished_is_not_written),
		TEST(test_an_annotation_is_removed),
		TEST(test_somebody_who_undoes_it_is_answered_once_more),
		TEST(test_somebody_who_undoes_it_at_once_is_answered_with_pauses),
		TEST(test_a_patch_that_the_watch_does_not_show_is_sent_again),
		TEST(test_another_wish_does_not_wait),
		TEST(test_without_the_right_to_it_the_watch_goes_on_and_the_manifest_is_named),
		TEST(test_what_fails_is_tried_again_with_pauses),
		TEST(test_a_wish_is_taken_back),
		TEST(test_a_node_that_is_gone_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
