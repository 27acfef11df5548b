/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf/answer.h: what another plugin prints, right and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "conf/answer.h"
#include "conf/json/json_doc.h"

struct subject {
	struct json_doc *doc;
	struct cni_result result;
	struct cni_error err;
};

static void subject_clear(struct subject *s)
{
	cni_result_clear(&s->result);
	json_doc_free(s->doc);
}
#define _subject_ _cleanup_(subject_clear) struct subject

static int read_result(const char *text, struct subject *s)
{
	*s = (struct subject){};
	return answer_read_result(text, strlen(text), &s->doc, &s->result, &s->err);
}

static void a_result_of_every_shape_is_read(void **state)
{
	static const char *const texts[] = {
		"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.1.2.3/24\","
		"\"gateway\":\"10.1.2.1\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]},"
		"\"dns\":{\"domain\":\"example\"}}",
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\","
		"\"address\":\"10.1.2.3/24\",\"gateway\":\"10.1.2.1\"}],"
		"\"routes\":[{\"dst\":\"0.0.0.0/0\"}],\"dns\":{\"domain\":\"example\"}}",
		"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.1.2.3/24\","
		"\"gateway\":\"10.1.2.1\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\","
		"\"mtu\":1400}],\"dns\":{\"domain\":\"example\"}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_subject_ s;

		assert_int_equal(read_result(texts[i], &s), 0);
		assert_int_equal(s.result.ips.n, 1);
		assert_string_equal(PREFIX_TEXT(&s.result.ips.items[0].address),
				    "10.1.2.3/24");
		assert_string_equal(IP_TEXT(&s.result.ips.items[0].gateway), "10.1.2.1");
		assert_int_equal(s.result.routes.n, 1);
		assert_true(prefix_is_default(&s.result.routes.items[0].dst));
		assert_string_equal(s.result.dns.domain, "example");
	}
}

static void a_result_without_addresses_is_one(void **state)
{
	static const char *const texts[] = {"{}", "{\"ips\":[]}", "{\"ips\":null}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_subject_ s;

		assert_int_equal(read_result(texts[i], &s), 0);
		assert_int_equal(s.result.ips.n, 0);
	}
}

static void what_is_wrong_in_a_result_is_named(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *says;
	} cases[] = {
		{"", CNI_ERR_JSON, ""},
		{"[]", CNI_ERR_JSON, ""},
		{"{} {}", CNI_ERR_JSON, ""},
		{"{\"ips\":{}}", CNI_ERR_CONFIG, "ips: "},
		{"{\"ips\":[{}]}", CNI_ERR_CONFIG, "ips[0].address: missing"},
		{"{\"ips\":[{\"address\":\"10.1.2.3\"}]}", CNI_ERR_CONFIG,
		 "ips[0].address: \"10.1.2.3\""},
		{"{\"ips\":[{\"address\":\"10.1.2.3/24\",\"interface\":0}]}",
		 CNI_ERR_CONFIG, "ips[0].interface: 0"},
		{"{\"ips\":[{\"address\":\"10.1.2.3/24\",\"gateway\":\"fd00::1\"}]}",
		 CNI_ERR_CONFIG, "gateway: fd00::1"},
		{"{\"routes\":[{\"dst\":\"fd00::/8\",\"gw\":\"10.1.2.1\"}]}",
		 CNI_ERR_CONFIG, "gw: 10.1.2.1"},
		{"{\"ip4\":{\"ip\":\"fd00::1\"}}", CNI_ERR_CONFIG, "ip4.ip: "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_subject_ s;

		assert_true(read_result(cases[i].text, &s) < 0);
		assert_null(s.doc);
		assert_int_equal(s.err.code, cases[i].code);
		assert_non_null(strstr(s.err.msg, cases[i].says));
	}
}

static void an_error_is_taken_whole(void **state)
{
	static const char text[] = "{\"cniVersion\":\"9.9\",\"code\":137,\"msg\":\"is "
				   "full\",\"details\":\"10.1.2.0/24\",\"new\":[]}\n";
	struct cni_error own = {}, err = {};

	(void)state;
	assert_int_equal(answer_read_error(text, strlen(text), &own, &err), 0);
	assert_int_equal(own.code, 137);
	assert_string_equal(own.msg, "is full");
	assert_string_equal(own.details, "10.1.2.0/24");
}

static void what_is_no_error_object_is_told_apart(void **state)
{
	static const char *const texts[] = {
		"",
		"oops",
		"{}",
		"{\"msg\":\"x\"}",
		"{\"code\":7}",
		"{\"code\":7,\"msg\":\"\"}",
		"{\"code\":0,\"msg\":\"x\"}",
		"{\"code\":-1,\"msg\":\"x\"}",
		"{\"code\":1.5,\"msg\":\"x\"}",
		"{\"code\":4294967296,\"msg\":\"x\"}",
		"{\"code\":\"7\",\"msg\":\"x\"}",
		"{\"code\":7,\"msg\":\"x\",\"details\":[]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct cni_error own = {}, err = {};

		assert_true(answer_read_error(texts[i], strlen(texts[i]), &own, &err) <
			    0);
		assert_int_equal(own.code, 0);
		assert_int_not_equal(err.code, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_of_every_shape_is_read),
		cmocka_unit_test(a_result_without_addresses_is_one),
		cmocka_unit_test(what_is_wrong_in_a_result_is_named),
		cmocka_unit_test(an_error_is_taken_whole),
		cmocka_unit_test(what_is_no_error_object_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
