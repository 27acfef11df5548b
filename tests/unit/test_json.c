/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf/json: what is JSON to us, the limits, and reading by tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/addr.h"
#include "conf/json/json_diff.h"
#include "conf/json/json_doc.h"
#include "conf/json/json_table.h"
#include "conf/json/json_scan.h"

static int parse(const char *text, size_t len, struct cni_error *err)
{
	/* On the heap without a NUL, so that reading behind the end is seen. */
	char *copy = malloc(len ? len : 1);
	struct json_doc *doc = NULL;
	int ret;

	assert_non_null(copy);
	memcpy(copy, text, len);
	*err = (struct cni_error){};
	ret = json_parse(copy, len, &doc, err);
	assert_true((ret == 0) == (doc != NULL));
	assert_true((ret == 0) == (err->code == 0));
	json_doc_free(doc);
	free(copy);
	return ret;
}

static void strict_json_objects_are_taken(void **state)
{
	static const char *const good[] = {
		"{}",
		" \t\r\n{ } \n",
		"{\"a\":[]}",
		"{\"a\":[ ],\"b\":[{}],\"c\":[[1],[2,3]]}",
		"{\"a\":true,\"b\":false,\"c\":null}",
		"{\"\":\"\"}",
		"{\"a\":[0,-0,0.5,-1.25,1e5,1E+5,1e-5,10,9007199254740993,1e999]}",
		"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\\uDE00\"}",
		"{\"\xc3\xa4\":\"\xf0\x9f\x98\x80\x7f\"}",
	};
	struct cni_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		if (parse(good[i], strlen(good[i]), &err) < 0)
			fail_msg("%s: %s", good[i], err.msg);
	}
}

static void broken_json_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "line 1, column 1: expected an object, the text is empty"},
		{" \n", "line 2, column 1: expected an object, the text is empty"},
		{"[]", "line 1, column 1: expected an object"},
		{"\"a\"", "line 1, column 1: expected an object"},
		{"\xef\xbb\xbf{}",
		 "line 1, column 1: a byte order mark (EF BB BF) stands before the "
		 "object; save the file as UTF-8 without one"},
		{"{", "line 1, column 2: the text ends inside the object"},
		{"{\"a\":[1", "line 1, column 8: the text ends inside the object"},
		{"{} {}", "line 1, column 4: something stands behind the object"},
		{"{}x", "line 1, column 3: something stands behind the object"},
		{"{\n \"a\": 1 ,\n}",
		 "line 2, column 9: a trailing comma, which JSON doesn't have: remove it"},
		{"{a:1}", "line 1, column 2: expected a key in double quotes"},
		{"{'a':1}", "line 1, column 2: expected a key in double quotes"},
		{"{1:1}", "line 1, column 2: expected a key in double quotes"},
		{"{\"a\" 1}", "line 1, column 6: expected ':'"},
		{"{\"a\":}", "line 1, column 6: expected a value"},
		{"{\"a\":1 \"b\":2}", "line 1, column 8: expected ',' or '}'"},
		{"{\"a\":1]", "line 1, column 7: expected ',' or '}'"},
		{"{\"a\":[1 2]}", "line 1, column 9: expected ',' or ']'"},
		{"{\"a\":[1}", "line 1, column 8: expected ',' or ']'"},
		{"{\"a\":[1,]}",
		 "line 1, column 8: a trailing comma, which JSON doesn't have: remove it"},
		{"{\"a\":[1,}", "line 1, column 9: expected a value"},
		{"{\"a\":[1,,2]}", "line 1, column 9: expected a value"},
		{"{,}", "line 1, column 2: expected a key in double quotes"},
		{"{\"a\":[,]}", "line 1, column 7: expected a value"},
		{"{\"a\":01}", "line 1, column 7: expected ',' or '}'"},
		{"{\"a\":+1}", "line 1, column 6: expected a value"},
		{"{\"a\":.5}", "line 1, column 6: expected a value"},
		{"{\"a\":-}", "line 1, column 7: expected a digit"},
		{"{\"a\":1.}", "line 1, column 8: expected a digit"},
		{"{\"a\":1e}", "line 1, column 8: expected a digit"},
		{"{\"a\":0x10}", "line 1, column 7: expected ',' or '}'"},
		{"{\"a\":NaN}", "line 1, column 6: expected a value"},
		{"{\"a\":True}", "line 1, column 6: expected a value"},
		{"{\"a\":tru", "line 1, column 6: expected a value"},
		{"{\"a\":truely}", "line 1, column 10: expected ',' or '}'"},
		{"{/* c */}",
		 "line 1, column 2: a comment, which JSON doesn't have: remove it"},
		{"{\"a\": // c\n 1}",
		 "line 1, column 7: a comment, which JSON doesn't have: remove it"},
		{"{\"a\": 1 # c\n}",
		 "line 1, column 9: a comment, which JSON doesn't have: remove it"},
		{"{\"a\":1/2}", "line 1, column 7: expected ',' or '}'"},
		{"{\"a", "line 1, column 4: the text ends inside a string"},
		{"{\"a\\", "line 1, column 4: an unknown escape in a string"},
		{"{\"\\x\":1}", "line 1, column 3: an unknown escape in a string"},
		{"{\"\\u12g4\":1}", "line 1, column 3: an unknown escape in a string"},
		{"{\"\\u123", "line 1, column 3: an unknown escape in a string"},
		{"{\"\\u0000\":1}", "line 1, column 3: a NUL character in a string"},
		{"{\"\\ud83d\":1}",
		 "line 1, column 3: half a surrogate pair in a string"},
		{"{\"\\ude00\":1}",
		 "line 1, column 3: half a surrogate pair in a string"},
		{"{\"\\ude00\\ude00\":1}",
		 "line 1, column 3: half a surrogate pair in a string"},
		{"{\"\\ud83d\\u0041\":1}",
		 "line 1, column 3: half a surrogate pair in a string"},
		{"{\"a\nb\":1}",
		 "line 1, column 4: a control character in a string, which "
		 "must be escaped"},
		{"{\"\xc3\":1}", "line 1, column 3: a string that is not UTF-8"},
		{"{\"\xed\xa0\x80\":1}", "line 1, column 3: a string that is not UTF-8"},
	};
	struct cni_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text, strlen(cases[i].text), &err),
				 -EINVAL);
		assert_memory_equal(err.msg, "invalid JSON at ", 16);
		assert_string_equal(err.msg + 16, cases[i].message);
		assert_int_equal(err.code, CNI_ERR_JSON);
	}
}

static void a_raw_nul_is_refused_everywhere(void **state)
{
	static const char text[] = "{\"a\": \"b\"}";
	struct cni_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		char copy[sizeof(text)];

		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		assert_int_equal(parse(copy, sizeof(copy), &err), -EINVAL);
		assert_int_equal(err.code, CNI_ERR_JSON);
	}
}

/* {"a":[[[...]]]} with @depth levels in all. */
static int parse_nested(size_t depth, struct cni_error *err)
{
	char text[3 * JSON_DEPTH_MAX + 16] = "{\"a\":";

	for (size_t i = 1; i < depth; i++)
		strcat(text, "[");
	for (size_t i = 1; i < depth; i++)
		strcat(text, "]");
	strcat(text, "}");
	return parse(text, strlen(text), err);
}

static void nesting_has_a_limit(void **state)
{
	struct cni_error err;

	(void)state;
	assert_int_equal(parse_nested(JSON_DEPTH_MAX, &err), 0);
	assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1, &err), -EINVAL);
	assert_string_equal(err.msg, "invalid JSON at line 1, column 37: nested deeper "
				     "than 32 levels");
}

/* A string of @n times @unit. */
static int parse_string(const char *unit, size_t n, struct cni_error *err)
{
	char *text = calloc(n + 3, strlen(unit));
	size_t len;
	int ret;

	assert_non_null(text);
	len = sprintf(text, "{\"");
	for (size_t i = 0; i < n; i++)
		len += sprintf(text + len, "%s", unit);
	text = realloc(text, len + 8);
	assert_non_null(text);
	len += sprintf(text + len, "\":1}");
	ret = parse(text, len, err);
	free(text);
	return ret;
}

static void strings_have_a_limit_in_unescaped_bytes(void **state)
{
	static const struct {
		const char *unit;
		size_t bytes;
	} cases[] = {
		{"aa", 2},	{"\\n\\n", 2},	 {"\\u0041\\u0041", 2},
		{"\\u00e4", 2}, {"\xc3\xa4", 2}, {"\\ud83d\\ude00", 4},
	};
	struct cni_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = JSON_STRING_MAX / cases[i].bytes;

		assert_int_equal(parse_string(cases[i].unit, n, &err), 0);
		assert_int_equal(parse_string(cases[i].unit, n + 1, &err), -EINVAL);
		assert_string_equal(err.msg, "invalid JSON at line 1, column 2: a string "
					     "longer than 4096 bytes");
	}
}

static void numbers_have_a_limit(void **state)
{
	char text[128];
	struct cni_error err;

	(void)state;
	snprintf(text, sizeof(text), "{\"a\":1%0*d}", JSON_NUMBER_MAX - 1, 0);
	assert_int_equal(parse(text, strlen(text), &err), 0);
	snprintf(text, sizeof(text), "{\"a\":1%0*d}", JSON_NUMBER_MAX, 0);
	assert_int_equal(parse(text, strlen(text), &err), -EINVAL);
	assert_string_equal(err.msg, "invalid JSON at line 1, column 6: a number longer "
				     "than 63 characters");
}

static void the_text_has_a_limit(void **state)
{
	char *text = malloc(JSON_TEXT_MAX + 1);
	struct cni_error err;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', JSON_TEXT_MAX + 1);
	memcpy(text, "{}", 2);
	assert_int_equal(parse(text, JSON_TEXT_MAX, &err), 0);
	assert_int_equal(parse(text, JSON_TEXT_MAX + 1, &err), -E2BIG);
	assert_string_equal(err.msg, "the JSON text is longer than 1048576 bytes");
	assert_int_equal(err.code, CNI_ERR_JSON);
	free(text);
}

/* Whatever one changed byte makes of a document, it is taken or refused with code 6. */
static void every_changed_byte_is_survived(void **state)
{
	static const char text[] = "{\"a\":[1.5e3,\"\\u00e4\xc3\xa4\\n\",{\"b\":null}],"
				   "\"c\":true}";
	struct cni_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char copy[sizeof(text)];

		memcpy(copy, text, sizeof(text));
		for (int c = 0; c < 256; c++) {
			copy[i] = c;
			if (parse(copy, sizeof(copy) - 1, &err) < 0)
				assert_int_equal(err.code, CNI_ERR_JSON);
		}
		/* Cut here it is never whole. */
		assert_int_equal(parse(text, i, &err), -EINVAL);
	}
}

/* A table with every kind in it. */
struct entry {
	uint32_t id;
};

struct sample {
	const char *text;
	bool flag;
	uint8_t small;
	uint32_t number;
	bool number_set;
	struct ip_addr addr;
	struct ip_prefix prefix;
	struct entry inner;
	struct {
		struct entry *items;
		size_t n;
	} entries;
	struct json_list lists;
};

static int entry_check(void *value, const struct json_path *path, struct cni_error *err)
{
	struct entry *entry = value;

	if (entry->id == 13)
		return json_error(path, "id", err, "%u brings bad luck", entry->id);
	return 0;
}

static const struct json_type flag_type = {.kind = JSON_BOOL};
static const struct json_type small_type = {.kind = JSON_U8, .max = 255};
static const struct json_type number_type = {
	.kind = JSON_U32, .min = 10, .max = UINT32_MAX, .or_zero = true};
static const struct json_type addr_type = {.kind = JSON_IP};
static const struct json_field entry_fields[] = {
	{.key = "id", .type = &number_type, .required = true},
};
static const struct json_type entry_type = {
	.kind = JSON_OBJECT, .fields = entry_fields, .n_fields = 1, .check = entry_check};
static const struct json_type entries_type = {.kind = JSON_LIST,
					      .max = 3,
					      .item = &entry_type,
					      .item_size = sizeof(struct entry)};
static const struct json_type lists_type = {.kind = JSON_LIST,
					    .max = 3,
					    .item = &entries_type,
					    .item_size = sizeof(struct json_list)};
static const struct json_field sample_fields[] = {
	{"text", &text_type, offsetof(struct sample, text), false, 0},
	{"flag", &flag_type, offsetof(struct sample, flag), false, 0},
	{"small", &small_type, offsetof(struct sample, small), false, 0},
	{"number", &number_type, offsetof(struct sample, number), false,
	 offsetof(struct sample, number_set)},
	{"addr", &addr_type, offsetof(struct sample, addr), false, 0},
	{"prefix", &prefix_type, offsetof(struct sample, prefix), false, 0},
	{"inner", &entry_type, offsetof(struct sample, inner), false, 0},
	{"entries", &entries_type, offsetof(struct sample, entries), false, 0},
	{"lists", &lists_type, offsetof(struct sample, lists), false, 0},
};
static const struct json_type sample_type = {.kind = JSON_OBJECT,
					     .fields = sample_fields,
					     .n_fields = ARRAY_SIZE(sample_fields)};

static int read_sample(const char *text, struct sample *sample, struct json_doc **doc,
		       struct cni_error *err)
{
	*err = (struct cni_error){};
	*doc = NULL;
	if (json_parse(text, strlen(text), doc, err) < 0)
		fail_msg("%s: %s", text, err->msg);
	return json_read(*doc, &sample_type, sample, err);
}

static void every_kind_is_read(void **state)
{
	struct sample sample = {};
	struct json_doc *doc;
	struct cni_error err;

	(void)state;
	assert_int_equal(read_sample("{\"text\":\"\\u00e4\",\"flag\":true,\"small\":255,"
				     "\"number\":4294967295,\"addr\":\"fd00::1\","
				     "\"prefix\":\"10.1.2.3/24\",\"inner\":{\"id\":10},"
				     "\"entries\":[{\"id\":0},{\"id\":1e1}],"
				     "\"lists\":[[{\"id\":11}],[],[{\"id\":12}]]}",
				     &sample, &doc, &err),
			 0);
	assert_string_equal(sample.text, "\xc3\xa4");
	assert_true(sample.flag);
	assert_int_equal(sample.small, 255);
	assert_int_equal(sample.number, UINT32_MAX);
	assert_true(sample.number_set);
	assert_string_equal(IP_TEXT(&sample.addr), "fd00::1");
	assert_string_equal(PREFIX_TEXT(&sample.prefix), "10.1.2.3/24");
	assert_int_equal(sample.inner.id, 10);
	assert_int_equal(sample.entries.n, 2);
	assert_int_equal(sample.entries.items[1].id, 10);
	assert_int_equal(sample.lists.n, 3);
	json_clear(&sample_type, &sample);
	assert_null(sample.entries.items);
	assert_null(sample.lists.items);
	json_doc_free(doc);
}

static void absent_and_null_leave_the_default(void **state)
{
	struct sample sample = {.text = "default", .number = 99};
	struct json_doc *doc;
	struct cni_error err;

	(void)state;
	assert_int_equal(read_sample("{\"text\":null,\"number\":null,\"unknown\":[1],"
				     "\"entries\":[],\"addr\":\"\"}",
				     &sample, &doc, &err),
			 0);
	assert_string_equal(sample.text, "default");
	assert_int_equal(sample.number, 99);
	assert_false(sample.number_set);
	assert_int_equal(sample.addr.family, 0);
	assert_null(sample.entries.items);
	json_doc_free(doc);
}

static void keys_match_in_any_case(void **state)
{
	struct sample sample = {};
	struct json_doc *doc;
	struct cni_error err;

	(void)state;
	assert_int_equal(
		read_sample("{\"TEXT\":\"x\",\"nUmBeR\":10}", &sample, &doc, &err), 0);
	assert_string_equal(sample.text, "x");
	assert_int_equal(sample.number, 10);
	json_doc_free(doc);
}

static void wrong_values_are_named_with_path_and_expectation(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"{\"text\":1}", "text: 1 is a number, expected a string"},
		{"{\"text\":[]}", "text: [] is a list, expected a string"},
		{"{\"flag\":\"true\"}",
		 "flag: \"true\" is a string, expected true or false"},
		{"{\"flag\":1}", "flag: 1 is a number, expected true or false"},
		{"{\"small\":256}",
		 "small: 256 is out of range, expected an integer from 0 to 255"},
		{"{\"small\":-1}",
		 "small: -1 is out of range, expected an integer from 0 to 255"},
		{"{\"small\":0.5}",
		 "small: 0.5 is not whole, expected an integer from 0 to 255"},
		{"{\"small\":1e999}",
		 "small: 1.79769313486232e+308 is out of range, expected an integer from 0 to 255"},
		{"{\"number\":9}",
		 "number: 9 is out of range, expected an integer from 10 "
		 "to 4294967295"},
		{"{\"number\":4294967296}",
		 "number: 4294967296 is out of range, expected "
		 "an integer from 10 to 4294967295"},
		{"{\"number\":true}",
		 "number: true is a boolean, expected an integer from 10 to 4294967295"},
		{"{\"addr\":\"10.1.2\"}", "addr: \"10.1.2\" is not an IP address"},
		{"{\"addr\":\"10.1.2.3/24\"}",
		 "addr: \"10.1.2.3/24\" is not an IP address"},
		{"{\"addr\":\"::ffff:10.1.2.3\"}",
		 "addr: \"::ffff:10.1.2.3\" is an IPv4-mapped IPv6 address, expected "
		 "plain "
		 "IPv4 or IPv6"},
		{"{\"addr\":{}}", "addr: {} is an object, expected an IP address"},
		{"{\"prefix\":\"10.1.2.3/33\"}",
		 "prefix: \"10.1.2.3/33\" is not a CIDR: the prefix length is at most "
		 "32"},
		{"{\"prefix\":\"fd00::/129\"}",
		 "prefix: \"fd00::/129\" is not a CIDR: the prefix length is at most "
		 "128"},
		{"{\"prefix\":\"10.1.2.3\"}",
		 "prefix: \"10.1.2.3\" is not a CIDR such as 10.1.2.0/24"},
		{"{\"prefix\":\"\"}", "prefix: \"\" is not a CIDR such as 10.1.2.0/24"},
		{"{\"inner\":[]}", "inner: [] is a list, expected an object"},
		{"{\"inner\":{}}",
		 "inner.id: missing, expected an integer from 10 to 4294967295"},
		{"{\"inner\":{\"id\":null}}",
		 "inner.id: missing, expected an integer from 10 to 4294967295"},
		{"{\"inner\":{\"id\":13}}", "inner.id: 13 brings bad luck"},
		{"{\"entries\":{\"id\":10}}",
		 "entries: {\"id\":10} is an object, expected a list"},
		{"{\"entries\":[null]}",
		 "entries[0]: null is no value, expected an object"},
		{"{\"entries\":[{\"id\":10},{\"id\":10},{\"id\":10},{\"id\":10}]}",
		 "entries: 4 entries, expected at most 3"},
		{"{\"lists\":[[{\"id\":10}],[{\"id\":10},{\"ID\":\"x\"}]]}",
		 "lists[1][1].id: \"x\" is a string, expected an integer from 10 to "
		 "4294967295"},
		{"{\"text\":\"a\",\"text\":\"b\"}",
		 "text: this key is given twice; remove one of the two"},
		{"{\"Inner\":{\"id\":10,\"Id\":11}}",
		 "inner.id: given twice, as \"id\" and as \"Id\"; remove one of the two"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample sample = {};
		struct json_doc *doc;
		struct cni_error err;

		assert_int_equal(read_sample(cases[i].text, &sample, &doc, &err),
				 -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
		assert_int_equal(err.code, CNI_ERR_CONFIG);
		/* Nothing to free is left behind. */
		assert_null(sample.entries.items);
		assert_null(sample.lists.items);
		json_doc_free(doc);
	}
}

static void long_values_are_shortened_in_messages(void **state)
{
	char text[400] = "{\"flag\":\"x";
	struct sample sample = {};
	struct json_doc *doc;
	struct cni_error err;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(text, "\xc3\xa4");
	strcat(text, "\"}");
	assert_int_equal(read_sample(text, &sample, &doc, &err), -EINVAL);
	assert_non_null(
		strstr(err.msg, "\xc3\xa4... is a string, expected true or false"));
	assert_in_range(strlen(err.msg), 90, 150);
	json_doc_free(doc);
}

struct told {
	char text[1024];
	unsigned int n, most;
};

static bool tell(const char *path, const char *left, const char *right, void *data)
{
	struct told *told = data;
	size_t used = strlen(told->text);

	snprintf(told->text + used, sizeof(told->text) - used, "%s %s %s\n", path,
		 left ? left : "-", right ? right : "-");
	return ++told->n < told->most;
}

static void assert_differ(const char *left, const char *right, unsigned int most,
			  const char *expected)
{
	struct json_doc *docs[2];
	struct told told = {.most = most};

	assert_int_equal(json_parse(left, strlen(left), &docs[0], NULL), 0);
	assert_int_equal(json_parse(right, strlen(right), &docs[1], NULL), 0);
	json_diff(docs[0], docs[1], tell, &told);
	assert_string_equal(told.text, expected);
	json_doc_free(docs[0]);
	json_doc_free(docs[1]);
}

static void documents_are_compared_value_by_value(void **state)
{
	(void)state;
	assert_differ("{\"a\":1,\"b\":{\"c\":[1,2]}}", "{ \"b\":{\"c\":[1,2]},\"a\":1}",
		      9, "");
	assert_differ("{\"a\":1,\"B\":true}", "{\"a\":\"1\",\"b\":true}", 9,
		      "a 1 \"1\"\nB true -\nb - true\n");
	assert_differ("{\"a\":{\"b\":{\"c\":null}}}", "{\"a\":{\"b\":{}}}", 9,
		      "a.b.c null -\n");
	/* A list of values is one value, and one of objects or lists is gone into. */
	assert_differ("{\"a\":[1,2,3]}", "{\"a\":[1,3]}", 9, "a [1,2,3] [1,3]\n");
	assert_differ("{\"a\":[{\"b\":1},{\"b\":2}]}", "{\"a\":[{\"b\":3}]}", 9,
		      "a[0].b 1 3\na[1] {\"b\":2} -\n");
	assert_differ("{\"a\":[[{\"b\":1}]]}", "{\"a\":[[{\"b\":2}],[]]}", 9,
		      "a[0][0].b 1 2\na[1] - []\n");
	assert_differ("{\"a\":{}}", "{\"a\":[]}", 9, "a {} []\n");
	/* It ends when it is told to. */
	assert_differ("{\"a\":1,\"b\":2,\"c\":3}", "{\"d\":4}", 2, "a 1 -\nb 2 -\n");
}

static void long_values_are_cut_between_characters(void **state)
{
	char left[256] = "{\"a\":\"", expected[256] = "a \"";

	(void)state;
	for (int i = 0; i < 60; i++)
		strcat(left, "\xc3\xa4");
	strcat(left, "\"}");
	/* 95 bytes: a quote, 45 characters of 2 bytes, and 3 of the ellipsis. */
	for (int i = 0; i < 45; i++)
		strcat(expected, "\xc3\xa4");
	strcat(expected, "… -\n");
	assert_differ(left, "{}", 9, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_json_objects_are_taken),
		cmocka_unit_test(broken_json_is_refused_with_its_place),
		cmocka_unit_test(a_raw_nul_is_refused_everywhere),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(strings_have_a_limit_in_unescaped_bytes),
		cmocka_unit_test(numbers_have_a_limit),
		cmocka_unit_test(the_text_has_a_limit),
		cmocka_unit_test(every_changed_byte_is_survived),
		cmocka_unit_test(every_kind_is_read),
		cmocka_unit_test(absent_and_null_leave_the_default),
		cmocka_unit_test(keys_match_in_any_case),
		cmocka_unit_test(wrong_values_are_named_with_path_and_expectation),
		cmocka_unit_test(long_values_are_shortened_in_messages),
		cmocka_unit_test(documents_are_compared_value_by_value),
		cmocka_unit_test(long_values_are_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
