/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/api/kubeconfig.h and yaml_json.h: what is read, and what is refused with which
 * words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/error.h"
#include "deploy/agent/api/kubeconfig.h"
#include "deploy/agent/api/yaml_json.h"
#include "deploy/agent/base/files.h"

/* The JSON without white space outside of its texts, which have none. */
static void yaml_is(const char *yaml, const char *wanted)
{
	struct cni_error err = {};
	char *json = NULL, *to;
	int ret = yaml_to_json(yaml, strlen(yaml), &json, &err);

	if (ret < 0)
		fail_msg("%s: %s", yaml, err.msg);
	to = json;
	for (const char *from = json; *from; from++)
		if (!strchr(" \n", *from))
			*to++ = *from;
	*to = '\0';
	assert_string_equal(json, wanted);
	free(json);
}

static void test_mappings_and_lists(void **state)
{
	(void)state;
	yaml_is("a: b", "{\"a\":\"b\"}");
	yaml_is("---\n# c\na:\n  b: c # d\n\n  e: f#g\nh: i",
		"{\"a\":{\"b\":\"c\",\"e\":\"f#g\"},\"h\":\"i\"}");
	yaml_is("a:\n- b: 1\n  c: d:e\n- f\nz:",
		"{\"a\":[{\"b\":\"1\",\"c\":\"d:e\"},\"f\"],\"z\":null}");
	yaml_is("a:\n  - - b\n    - c\n  -\n    d: e\n  -\n",
		"{\"a\":[[\"b\",\"c\"],{\"d\":\"e\"},null]}");
	yaml_is("- a\r\n- b: {}\r\n- []\r\n", "[\"a\",{\"b\":{}},[]]");
	yaml_is("a: true\nb: 'true'\nc: ~\nd: null\ne: \"\"",
		"{\"a\":true,\"b\":\"true\",\"c\":null,\"d\":null,\"e\":\"\"}");
	yaml_is("'it''s': \"\\\"q\\\\\" # r\n\"k\": -x",
		"{\"it's\":\"\\\"q\\\\\",\"k\":\"-x\"}");
	yaml_is("u: https://h:1/?a=b", "{\"u\":\"https://h:1/?a=b\"}");
}

static void test_the_rest_of_yaml_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *yaml, *words;
	} cases[] = {
		{"a: b\n\tc: d", "line 2: a tab"},
		{"a: &x b", "line 1: it has more of YAML"},
		{"a:\n  b: *x", "line 2: it has more of YAML"},
		{"a: !!str b", "line 1: it has more of YAML"},
		{"a: |\n  text", "line 1: it has more of YAML"},
		{"a: >-\n  text", "line 1: it has more of YAML"},
		{"a: {b: c}", "line 1: it has more of YAML"},
		{"a: [b]", "line 1: it has more of YAML"},
		{"? a\n: b", "line 1: it has more of YAML"},
		{"%YAML 1.2\na: b", "line 1: it has more of YAML"},
		{"a: b\n---\nc: d", "line 2: expected one document"},
		{"a: b\n...", "line 2: expected one document"},
		{"a: b\n  c: d", "line 2: its indentation"},
		{"a:\n    b: c\n  d: e", "line 3: its indentation"},
		{"a: b\n- c", "line 2: its indentation"},
		{"- a\nb: c", "line 2: its indentation"},
		{"a: long\n  text", "line 2: its indentation"},
		{"a: b: c", "line 1: a value has a ':'"},
		{"text", "line 1: expected KEY: VALUE"},
		{"a: \"b", "line 1: its quoted text"},
		{"a: \"\\x41\"", "line 1: its quoted text"},
		{"a: 'b' c", "line 1: something stands behind"},
		{"- - - - - - - - - - - - - - - - - - a",
		 "line 1: it is nested too deeply"},
		{"", "it is empty"},
		{"# a", "it is empty"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cni_error err = {};
		char *json = NULL;

		if (yaml_to_json(cases[i].yaml, strlen(cases[i].yaml), &json, &err) == 0)
			fail_msg("%s became %s", cases[i].yaml, json);
		assert_int_equal(err.code, CNI_ERR_JSON);
		if (strncmp(err.msg, cases[i].words, strlen(cases[i].words)) != 0)
			fail_msg("%s: %s", cases[i].yaml, err.msg);
	}
}

#define CLUSTER "server: https://192.0.2.1:6443/, certificate-authority-data: Q0EK"
#define USER	"token: secret"

/* A kubeconfig whose cluster and user have these members, separated by ", ". */
static char *config_of(const char *cluster, const char *user)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	fputs("apiVersion: v1\nkind: Config\nclusters:\n- name: other\n  cluster:\n"
	      "    server: http://unused\n- cluster:\n    ",
	      out);
	for (; *cluster; cluster++)
		if (strncmp(cluster, ", ", 2) == 0)
			fputs("\n    ", out), cluster++;
		else
			fputc(*cluster, out);
	fputs("\n  name: c\ncurrent-context: u@c\ncontexts:\n- context:\n    cluster: c\n"
	      "    user: u\n  name: u@c\nusers:\n- name: u\n  user:\n    ",
	      out);
	for (; *user; user++)
		if (strncmp(user, ", ", 2) == 0)
			fputs("\n    ", out), user++;
		else
			fputc(*user, out);
	fputs("\n", out);
	fclose(out);
	return text;
}

static void file_has(const char *path, const char *wanted)
{
	char *text = NULL;
	size_t len;

	assert_int_equal(file_read(path, &text, &len, NULL), 0);
	assert_string_equal(text, wanted);
	free(text);
}

static void test_data_is_read_as_files_and_paths_are_relative_to_the_file(void **state)
{
	struct kubeconfig kubeconfig = KUBECONFIG_NONE;
	char *text = config_of(CLUSTER, "token: secret, client-certificate-data: "
					"\"Q0VSVA==\", client-key: pki/a.key");

	(void)state;
	assert_int_equal(
		kubeconfig_parse(text, strlen(text), "/etc/k", &kubeconfig, NULL), 0);
	assert_string_equal(kubeconfig.server, "https://192.0.2.1:6443");
	file_has(kubeconfig.files[KUBECONFIG_CA], "CA\n");
	file_has(kubeconfig.files[KUBECONFIG_CERT], "CERT");
	file_has(kubeconfig.files[KUBECONFIG_TOKEN], "secret");
	file_has(kubeconfig.files[KUBECONFIG_TOKEN], "secret");
	assert_string_equal(kubeconfig.files[KUBECONFIG_KEY], "/etc/k/pki/a.key");
	kubeconfig_close(&kubeconfig);
	free(text);
}

static void test_what_is_lacking_or_not_known_is_refused(void **state)
{
	static const struct {
		const char *cluster, *user, *words;
	} cases[] = {
		{"server: http://h, certificate-authority: /ca", USER,
		 "expected https://"},
		{"server: https://h", USER, "certificate-authority-data is missing"},
		{CLUSTER ", insecure-skip-tls-verify: true", USER,
		 "insecure-skip-tls-verify"},
		{CLUSTER ", tls-server-name: n", USER, "tls-server-name"},
		{CLUSTER ", proxy-url: http://p", USER, "proxy-url"},
		{"server: https://h, certificate-authority-data: Q0", USER, "base64"},
		{"server: https://h, certificate-authority-data: Q0E=Q0E=", USER,
		 "base64"},
		{"certificate-authority: /ca", USER, "server"},
		{CLUSTER, "a: b", "token, or client-certificate is missing"},
		{CLUSTER, "client-certificate: /c", "client-key is missing"},
		{CLUSTER, "client-key: /k", "client-certificate is missing"},
		{CLUSTER, USER ", username: me", "username"},
		{CLUSTER, USER ", as: me", "as is not known"},
		{CLUSTER, USER ", exec: {}", "exec: no program"},
		{CLUSTER, USER ", auth-provider: {}", "auth-provider: no program"},
		{CLUSTER ", server: https://b", USER, "twice"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = config_of(cases[i].cluster, cases[i].user);
		struct kubeconfig kubeconfig = KUBECONFIG_NONE;
		struct cni_error err = {};

		assert_true(kubeconfig_parse(text, strlen(text), "/", &kubeconfig, &err) <
			    0);
		if (!strstr(err.msg, cases[i].words))
			fail_msg("%s: %s", cases[i].words, err.msg);
		assert_null(kubeconfig.server);
		free(text);
	}
}

static void test_a_context_that_is_not_there_is_named(void **state)
{
	static const char text[] =
		"{\"current-context\": \"a\", \"clusters\": [], \"users\": [], \"contexts\": []}";
	struct kubeconfig kubeconfig = KUBECONFIG_NONE;
	struct cni_error err = {};

	(void)state;
	assert_true(kubeconfig_parse(text, strlen(text), "/", &kubeconfig, &err) < 0);
	assert_string_equal(err.msg, "contexts: there is no \"a\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mappings_and_lists),
		cmocka_unit_test(test_the_rest_of_yaml_is_refused_with_its_line),
		cmocka_unit_test(
			test_data_is_read_as_files_and_paths_are_relative_to_the_file),
		cmocka_unit_test(test_what_is_lacking_or_not_known_is_refused),
		cmocka_unit_test(test_a_context_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
