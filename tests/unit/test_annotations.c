/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Annotations of Nodes, from the API server's bytes to the node table. The log is the
 * test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/text.h"
#include "deploy/agent/api/node_feed.h"
#include "deploy/agent/api/node_keys.h"

static const char *const asked[] = {"bridge-cni/wireguard-keys",
				    "flannel.alpha.coreos.com/backend-data"};
static size_t warnings;
static char last_named[ANNOTATION_NAME_MAX + 1]; /* the last line's annotation */

void log_line(const struct log *log, enum log_level level, const char *msg,
	      const char *const *pairs)
{
	(void)log;
	(void)msg;
	if (level != LOG_LEVEL_WARN)
		return;
	warnings++;
	for (; *pairs; pairs += 2)
		if (strcmp(pairs[0], "annotation") == 0)
			snprintf(last_named, sizeof(last_named), "%s", pairs[1]);
}

struct cluster {
	struct annotation_names names;
	struct node_table nodes;
	struct node_feed feed;
	struct node_keys keys;
	struct json_filter filter;
};

static int begin(void **state)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));

	if (!cluster)
		return -1;
	cluster->names = (struct annotation_names){asked, ARRAY_SIZE(asked)};
	cluster->feed = (struct node_feed){
		.nodes = &cluster->nodes,
		.annotations = &cluster->names,
		.own = "own",
		.max_nodes = 100,
	};
	warnings = 0;
	last_named[0] = '\0';
	*state = cluster;
	return 0;
}

static int end(void **state)
{
	struct cluster *cluster = *state;

	node_table_clear(&cluster->nodes);
	free(cluster);
	return 0;
}

/* The server sends this, in pieces of 7 bytes. True: the table has changed. */
static bool receive(struct cluster *cluster, bool watch, const char *text)
{
	size_t len = strlen(text);

	node_keys_init(&cluster->keys, &cluster->names);
	json_filter_init(&cluster->filter,
			 watch ? cluster->keys.watch : cluster->keys.list,
			 watch ? node_feed_event : node_feed_list, &cluster->feed);
	cluster->feed.changed = false;
	for (size_t at = 0; at < len; at += 7)
		assert_int_equal(json_filter_feed(&cluster->filter, text + at,
						  len - at < 7 ? len - at : 7, NULL),
				 0);
	return cluster->feed.changed;
}

#define NODE(annotations)                                                            \
	"{\"metadata\":{\"labels\":{\"a\":\"b\"},\"annotations\":" annotations       \
	",\"name\":\"node1\"},\"spec\":{\"podCIDR\":\"10.244.1.0/24\"},\"status\":{" \
	"\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"192.0.2.11\"}]}}"
#define CHANGED(object) "{\"type\":\"MODIFIED\",\"object\":" object "}\n"
#define KEYS		"\"bridge-cni/wireguard-keys\":"
#define OTHER		"\"flannel.alpha.coreos.com/backend-data\":"

static const char *text_of(const struct cluster *cluster, size_t index)
{
	const struct cluster_node *node = node_table_find(&cluster->nodes, "node1");

	assert_non_null(node);
	/* The rest of the Node is there, whatever its annotations are. */
	assert_string_equal(PREFIX_TEXT(&node->cidrs[0]), "10.244.1.0/24");
	return node_annotation(node, index);
}

static void
test_annotations_that_are_asked_for_are_read_from_lists_and_watches(void **state)
{
	struct cluster *cluster = *state;

	assert_true(receive(cluster, false,
			    "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[" NODE(
				    "{\"x\":\"y\"," KEYS "\"51820:a+/=\"," OTHER
				    "\"{\\\"VNI\\\":1}\"}") "]}"));
	assert_string_equal(text_of(cluster, 0), "51820:a+/=");
	assert_string_equal(text_of(cluster, 1), "{\"VNI\":1}");
	assert_true(receive(cluster, true, CHANGED(NODE("{" OTHER "\"\\u003c\"}"))));
	assert_null(text_of(cluster, 0));
	assert_string_equal(text_of(cluster, 1), "<");
	assert_true(receive(cluster, true, CHANGED(NODE("{}"))));
	assert_null(text_of(cluster, 1));
	assert_null(node_table_find(&cluster->nodes, "node1")->annotations);
	assert_int_equal(warnings, 0);
}

static void test_the_table_says_when_a_text_has_changed(void **state)
{
	static const struct {
		const char *text;
		bool changed;
	} events[] = {
		{CHANGED(NODE("{}")), true},
		{CHANGED(NODE("{\"x\":\"y\"}")), false},
		{CHANGED(NODE("{" KEYS "\"\"}")), true}, /* not the same as absent */
		{CHANGED(NODE("{" KEYS "\"a\"}")), true},
		{CHANGED(NODE("{" KEYS "\"a\"}")), false},
		{CHANGED(NODE("{" OTHER "\"a\"}")), true},
		{CHANGED(NODE("{" OTHER "\"b\"}")), true},
		{CHANGED(NODE("{" OTHER "\"b\"," KEYS "\"a\"}")), true},
		{CHANGED(NODE("{" KEYS "\"a\"," OTHER "\"b\"}")), false},
		{CHANGED(NODE("null")), true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (receive(*state, true, events[i].text) != events[i].changed)
			fail_msg("%s", events[i].text);
}

/* An event with @n bytes for the text of the first name; the caller frees it. */
static char *long_event(const char *unit, size_t n)
{
	struct text text = {};

	text_add(&text, "%s",
		 "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":"
		 "\"node1\",\"annotations\":{" KEYS "\"");
	for (size_t i = 0; i < n; i++)
		text_add(&text, "%s", unit);
	text_add(&text, "%s",
		 "\"," OTHER "\"right\"}},"
		 "\"spec\":{\"podCIDR\":\"10.244.1.0/24\"}}}\n");
	assert_false(text.failed);
	return text.text;
}

static void test_a_text_has_at_most_512_bytes(void **state)
{
	static const struct {
		const char *unit;
		size_t n;
		bool right;
	} texts[] = {
		{"x", 512, true},	 {"x", 513, false},	   {"x", 1025, false},
		{"x", 300000, false},	 {"\\\"", 512, true},	   {"\\\"", 513, false},
		{"\xc3\xa4", 256, true}, {"\xc3\xa4", 257, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(free_p) char *event = long_event(texts[i].unit, texts[i].n);
		size_t before = warnings;

		receive(*state, true, event);
		if ((text_of(*state, 0) != NULL) != texts[i].right)
			fail_msg("%zu of %s", texts[i].n, texts[i].unit);
		if (texts[i].right)
			assert_int_equal(strlen(text_of(*state, 0)), 512);
		assert_string_equal(text_of(*state, 1), "right");
		/* It is named when it becomes odd. */
		assert_int_equal(warnings - before,
				 !texts[i].right && (i == 0 || texts[i - 1].right));
	}
	assert_string_equal(last_named, asked[0]);
}

static void test_what_is_no_text_counts_as_absent_and_is_named_once(void **state)
{
	static const char *const events[] = {
		CHANGED(NODE("{" OTHER "7," KEYS "\"right\"}")),
		CHANGED(NODE("{" OTHER "null," KEYS "\"right\"}")),
		CHANGED(NODE("{" OTHER "{\"a\":[{\"b\":\"c\"}]}," KEYS "\"right\"}")),
		CHANGED(NODE("{" OTHER "[\"a\",[]]," KEYS "\"right\"}")),
		CHANGED(NODE("{" OTHER "\"a\\u0000\"," KEYS "\"right\"}")),
	};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		receive(*state, true, events[i]);
		assert_null(text_of(*state, 1));
		assert_string_equal(text_of(*state, 0), "right");
		assert_int_equal(warnings, 1);
		assert_string_equal(last_named, asked[1]);
	}
	/* This is a backslash and letters. */
	receive(*state, true, CHANGED(NODE("{" OTHER "\"\\\\u0000\"}")));
	assert_string_equal(text_of(*state, 1), "\\u0000");
	receive(*state, true, events[0]);
	assert_int_equal(warnings, 2);
	receive(*state, true, CHANGED(NODE("[\"x\"]")));
	assert_null(text_of(*state, 0));
}

static void test_as_many_and_as_long_as_can_be_asked_for_fit(void **state)
{
	struct cluster *cluster = *state;
	char names[ANNOTATION_NAMES_MAX][ANNOTATION_NAME_MAX + 1];
	const char *items[ANNOTATION_NAMES_MAX];
	struct text text = {};

	text_add(&text, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":"
			"\"node1\",\"annotations\":{");
	for (size_t i = 0; i < ANNOTATION_NAMES_MAX; i++) {
		memset(names[i], 'a' + (int)i, ANNOTATION_NAME_MAX);
		names[i][ANNOTATION_NAME_MAX] = '\0';
		items[i] = names[i];
		text_add(&text, "%s\"%s\":\"", i ? "," : "", names[i]);
		for (size_t k = 0; k < ANNOTATION_MAX; k++)
			text_add(&text, "\\\"");
		text_add(&text, "\"");
	}
	text_add(&text, "}},\"spec\":{\"podCIDR\":\"10.244.1.0/24\"}}}");
	cluster->names = (struct annotation_names){items, ANNOTATION_NAMES_MAX};
	receive(cluster, true, text.text);
	free(text.text);
	for (size_t i = 0; i < ANNOTATION_NAMES_MAX; i++)
		assert_int_equal(strlen(text_of(cluster, i)), ANNOTATION_MAX);
	assert_null(text_of(cluster, ANNOTATION_NAMES_MAX));
	assert_int_equal(warnings, 0);
}

static int keep(enum filter_doc kind, const char *text, size_t len, void *data,
		struct cni_error *err)
{
	(void)kind;
	(void)err;
	snprintf(data, 512, "%.*s", (int)len, text);
	return 0;
}

static void test_where_none_is_asked_for_none_is_let_through(void **state)
{
	static const char event[] = CHANGED(NODE("{" KEYS "\"a\"}"));
	struct cluster *cluster = *state;
	char passed[512];

	cluster->names.n = 0;
	node_keys_init(&cluster->keys, &cluster->names);
	json_filter_init(&cluster->filter, cluster->keys.watch, keep, passed);
	assert_int_equal(
		json_filter_feed(&cluster->filter, event, sizeof(event) - 1, NULL), 0);
	assert_null(strstr(passed, "annotations"));
	assert_non_null(strstr(passed, "node1"));
	receive(cluster, true, event);
	assert_null(text_of(cluster, 0));
}

#define ADDRESSES(one, other)                                                   \
	"{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"node1\"}," \
	"\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":\"n\"}," \
	"{\"type\":\"InternalIP\",\"address\":\"" one                           \
	"\"},{\"type\":\"InternalIP\",\"address\":\"" other "\"}]}}}\n"

static void test_the_order_of_a_nodes_addresses_is_known(void **state)
{
	const struct cluster *cluster = *state;
	const struct node_table *nodes = &cluster->nodes;

	assert_true(receive(*state, true, ADDRESSES("192.0.2.11", "2001:db8::b")));
	assert_false(node_table_find(nodes, "node1")->address_v6_first);
	assert_true(receive(*state, true, ADDRESSES("2001:db8::b", "192.0.2.11")));
	assert_true(node_table_find(nodes, "node1")->address_v6_first);
	assert_false(receive(*state, true, ADDRESSES("2001:db8::b", "192.0.2.11")));
	assert_true(receive(*state, true, ADDRESSES("192.0.2.11", "192.0.2.12")));
	assert_false(node_table_find(nodes, "node1")->address_v6_first);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_annotations_that_are_asked_for_are_read_from_lists_and_watches),
		TEST(test_the_table_says_when_a_text_has_changed),
		TEST(test_a_text_has_at_most_512_bytes),
		TEST(test_what_is_no_text_counts_as_absent_and_is_named_once),
		TEST(test_as_many_and_as_long_as_can_be_asked_for_fit),
		TEST(test_where_none_is_asked_for_none_is_let_through),
		TEST(test_the_order_of_a_nodes_addresses_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
