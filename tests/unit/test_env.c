/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CNI_* environment: order and words of what is missing, and CNI_ARGS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/env.h"

/* The environment of a test: pairs up to NULL. */
static const char *const *test_env;

static char *test_get(const char *name)
{
	size_t len = strlen(name);

	for (const char *const *pair = test_env; *pair; pair++) {
		if (strncmp(*pair, name, len) == 0 && (*pair)[len] == '=')
			return (char *)*pair + len + 1;
	}
	return NULL;
}

static int read_env(const char *const *env, struct cni_env *ret, struct cni_error *err)
{
	*err = (struct cni_error){};
	test_env = env;
	return cni_env_read(test_get, PROGRAM_BRIDGE, ret, err);
}

#define READ(ret, err, ...) read_env((const char *const[]){__VA_ARGS__, NULL}, ret, err)

#define assert_refused(message, ...)                                            \
	do {                                                                    \
		struct cni_env refused_env = {};                                \
		struct cni_error refused_err;                                   \
		assert_int_equal(READ(&refused_env, &refused_err, __VA_ARGS__), \
				 -EINVAL);                                      \
		assert_string_equal(refused_err.msg, message);                  \
		assert_int_equal(refused_err.code, CNI_ERR_ENVIRONMENT);        \
		assert_null(refused_env.container_id);                          \
	} while (0)

static void missing_variables_are_named_together_in_order(void **state)
{
	(void)state;
	assert_refused("required env variables [CNI_COMMAND] missing",
		       "CNI_CONTAINERID=c");
	assert_refused("required env variables [CNI_COMMAND] missing", "CNI_COMMAND=");
	assert_refused("required env variables "
		       "[CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing",
		       "CNI_COMMAND=ADD");
	assert_refused("required env variables "
		       "[CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing",
		       "CNI_COMMAND=CHECK", "CNI_NETNS=", "CNI_IFNAME=");
	assert_refused("required env variables [CNI_NETNS,CNI_PATH] missing",
		       "CNI_COMMAND=ADD", "CNI_IFNAME=eth0", "CNI_CONTAINERID=c");
	assert_refused("required env variables [CNI_CONTAINERID,CNI_IFNAME] missing",
		       "CNI_COMMAND=DEL");
}

static void missing_is_told_before_wrong(void **state)
{
	(void)state;
	assert_refused("required env variables [CNI_PATH] missing", "CNI_COMMAND=ADD",
		       "CNI_CONTAINERID=/", "CNI_NETNS=/n", "CNI_IFNAME=eth0");
}

static void an_unknown_command_is_named_with_the_known_ones(void **state)
{
	(void)state;
	assert_refused("CNI_COMMAND: \"add\" is not a command, expected ADD, DEL, CHECK, "
		       "STATUS, GC or VERSION",
		       "CNI_COMMAND=add");
}

static void wrong_variables_are_named_with_their_value(void **state)
{
	(void)state;
	assert_refused("CNI_CONTAINERID: \"../x\" is invalid, expected letters, digits, "
		       "'_', '.' and '-', a letter or digit first",
		       "CNI_COMMAND=DEL", "CNI_CONTAINERID=../x", "CNI_IFNAME=a/b");
	assert_refused("CNI_IFNAME: \"a/b\" is invalid, expected 1 to 15 bytes, not "
		       "\".\" or \"..\", without '/', ':', '%' and white space",
		       "CNI_COMMAND=DEL", "CNI_CONTAINERID=x", "CNI_IFNAME=a/b");
}

static void an_endless_namespace_path_is_refused(void **state)
{
	char netns[5000] = "CNI_NETNS=/";
	struct cni_error err;
	struct cni_env env;

	(void)state;
	memset(netns + 11, 'n', sizeof(netns) - 12);
	netns[sizeof(netns) - 1] = '\0';
	assert_int_equal(READ(&env, &err, "CNI_COMMAND=DEL", "CNI_CONTAINERID=x",
			      "CNI_IFNAME=e", netns),
			 -EINVAL);
	assert_memory_equal(err.msg, "CNI_NETNS: \"/nnn", 16);
}

static void add_reads_everything(void **state)
{
	struct cni_error err;
	struct cni_env env;

	(void)state;
	assert_int_equal(READ(&env, &err, "CNI_COMMAND=ADD", "CNI_CONTAINERID=abc",
			      "CNI_NETNS=/run/netns/x", "CNI_IFNAME=eth0",
			      "CNI_PATH=/opt/cni/bin", "CNI_ARGS=IP=10.1.2.3/24",
			      "CNI_NETNS_OVERRIDE=TRUE"),
			 0);
	assert_int_equal(env.verb, CNI_ADD);
	assert_string_equal(env.container_id, "abc");
	assert_string_equal(env.netns, "/run/netns/x");
	assert_string_equal(env.ifname, "eth0");
	assert_string_equal(env.path, "/opt/cni/bin");
	assert_true(env.netns_override);
	assert_string_equal(IP_TEXT(&env.args.ip), "10.1.2.3");
}

static void del_needs_only_the_identity(void **state)
{
	struct cni_error err;
	struct cni_env env;

	(void)state;
	assert_int_equal(READ(&env, &err, "CNI_COMMAND=DEL", "CNI_CONTAINERID=abc",
			      "CNI_IFNAME=eth0"),
			 0);
	assert_int_equal(env.verb, CNI_DEL);
	assert_string_equal(env.netns, "");
	assert_string_equal(env.path, "");
	assert_false(env.netns_override);
}

static void arguments_that_cannot_be_read_stop_add_but_not_del(void **state)
{
	struct cni_error err;
	struct cni_env env;

	(void)state;
	assert_int_equal(READ(&env, &err, "CNI_COMMAND=DEL", "CNI_CONTAINERID=abc",
			      "CNI_IFNAME=eth0", "CNI_ARGS=IP=x"),
			 0);
	assert_int_equal(env.args.ip.family, 0);
	assert_int_equal(err.code, 0);
	assert_refused("CNI_ARGS: IP: \"x\" is not an IP address", "CNI_COMMAND=ADD",
		       "CNI_CONTAINERID=abc", "CNI_NETNS=/n", "CNI_IFNAME=eth0",
		       "CNI_PATH=/p", "CNI_ARGS=IP=x");
}

static void loopback_does_without_arguments(void **state)
{
	struct cni_error err = {};
	struct cni_env env;

	(void)state;
	test_env = (const char *const[]){"CNI_COMMAND=ADD",
					 "CNI_CONTAINERID=abc",
					 "CNI_NETNS=/n",
					 "CNI_IFNAME=eth0",
					 "CNI_PATH=/p",
					 "CNI_ARGS=none",
					 NULL};
	assert_int_equal(cni_env_read(test_get, PROGRAM_LOOPBACK, &env, &err), 0);
	assert_int_equal(env.program, PROGRAM_LOOPBACK);
	assert_int_equal(err.code, 0);
}

static void version_gc_and_status_need_nothing_more(void **state)
{
	static const struct {
		const char *command;
		enum cni_verb verb;
		const char *path;
	} cases[] = {
		{"CNI_COMMAND=VERSION", CNI_VERSION, ""},
		{"CNI_COMMAND=GC", CNI_GC, "/p"},
		{"CNI_COMMAND=STATUS", CNI_STATUS, "/p"},
	};
	struct cni_error err;
	struct cni_env env;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(READ(&env, &err, cases[i].command, "CNI_PATH=/p",
				      "CNI_CONTAINERID=/", "CNI_IFNAME=/",
				      "CNI_ARGS=bad"),
				 0);
		assert_int_equal(env.verb, cases[i].verb);
		assert_string_equal(env.container_id, "");
		assert_string_equal(env.ifname, "");
		assert_string_equal(env.netns, "");
		assert_string_equal(env.path, cases[i].path);
		assert_int_equal(READ(&env, &err, cases[i].command), 0);
		assert_string_equal(env.path, "");
	}
}

static void the_override_is_1_or_true(void **state)
{
	static const struct {
		const char *text;
		bool set;
	} cases[] = {
		{"CNI_NETNS_OVERRIDE=1", true},	 {"CNI_NETNS_OVERRIDE=True", true},
		{"CNI_NETNS_OVERRIDE=0", false}, {"CNI_NETNS_OVERRIDE=yes", false},
		{"CNI_NETNS_OVERRIDE=", false},
	};
	struct cni_error err;
	struct cni_env env;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(READ(&env, &err, "CNI_COMMAND=DEL",
				      "CNI_CONTAINERID=abc", "CNI_IFNAME=eth0",
				      cases[i].text),
				 0);
		assert_int_equal(env.netns_override, cases[i].set);
	}
}

static void what_kubernetes_sends_is_read(void **state)
{
	struct cni_error err = {};
	struct cni_args args;

	(void)state;
	assert_int_equal(
		cni_args_parse("IgnoreUnknown=1;K8S_POD_NAMESPACE=default;"
			       "K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=abc;"
			       "K8S_POD_UID=1-2-3;OTHER=x",
			       &args, &err),
		0);
	assert_string_equal(args.pod_namespace, "default");
	assert_string_equal(args.pod_name, "web-0");
	assert_int_equal(args.ip.family, 0);
	assert_false(args.mac.set);
}

static void addresses_in_the_arguments_are_read(void **state)
{
	struct cni_error err = {};
	struct cni_args args;

	(void)state;
	assert_int_equal(
		cni_args_parse("MAC=02:00:00:00:00:0A;IP=fd00::5/64", &args, &err), 0);
	assert_string_equal(IP_TEXT(&args.ip), "fd00::5");
	assert_true(args.mac.set);
	assert_string_equal(MAC_TEXT(&args.mac), "02:00:00:00:00:0a");

	assert_int_equal(cni_args_parse("IP=;MAC=;", &args, &err), 0);
	assert_int_equal(args.ip.family, 0);
	assert_false(args.mac.set);
}

static void unknown_arguments_pass_only_when_said_so(void **state)
{
	static const char *const good[] = {"", ";", "A=1;IgnoreUnknown=true",
					   "IgnoreUnknown=TRUE;A=b=c"};
	struct cni_error err = {};
	struct cni_args args;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(cni_args_parse(good[i], &args, &err), 0);
}

static void bad_arguments_are_named(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"A=1", "CNI_ARGS: unknown key \"A\" (IgnoreUnknown=1 lets it pass)"},
		{"ip=10.0.0.1",
		 "CNI_ARGS: unknown key \"ip\" (IgnoreUnknown=1 lets it pass)"},
		{"IgnoreUnknown=0;A=1",
		 "CNI_ARGS: unknown key \"A\" (IgnoreUnknown=1 lets it pass)"},
		{"IgnoreUnknown=yes",
		 "CNI_ARGS: IgnoreUnknown: \"yes\" is not a boolean, "
		 "expected 1, true, 0 or false"},
		{"IP", "CNI_ARGS: \"IP\" is not a pair, expected KEY=VALUE"},
		{"=x", "CNI_ARGS: \"=x\" is not a pair, expected KEY=VALUE"},
		{"IP=10.0.0.0/33", "CNI_ARGS: IP: \"10.0.0.0/33\" is not an IP address"},
		{"IP=::ffff:10.0.0.1",
		 "CNI_ARGS: IP: \"::ffff:10.0.0.1\" is an IPv4-mapped "
		 "IPv6 address, write it as 10.0.0.1"},
		{"MAC=02:00", "CNI_ARGS: MAC: \"02:00\" is not a MAC address such as "
			      "02:00:00:00:00:01"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cni_error err = {};
		struct cni_args args = {.pod_name = "untouched"};

		assert_int_equal(cni_args_parse(cases[i].text, &args, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
		assert_int_equal(err.code, CNI_ERR_ENVIRONMENT);
		assert_string_equal(args.pod_name, "untouched");
	}
}

static void arguments_have_limits(void **state)
{
	char text[CNI_ARGS_TEXT_MAX + 2];
	struct cni_error err = {};
	struct cni_args args;

	(void)state;
	memset(text, ';', sizeof(text));
	text[CNI_ARGS_TEXT_MAX] = '\0';
	assert_int_equal(cni_args_parse(text, &args, &err), 0);
	text[CNI_ARGS_TEXT_MAX] = ';';
	text[CNI_ARGS_TEXT_MAX + 1] = '\0';
	assert_int_equal(cni_args_parse(text, &args, &err), -E2BIG);
	assert_string_equal(err.msg, "CNI_ARGS: longer than 4096 bytes");

	snprintf(text, sizeof(text), "K8S_POD_NAME=%0*d", CNI_ARGS_VALUE_MAX - 1, 0);
	err = (struct cni_error){};
	assert_int_equal(cni_args_parse(text, &args, &err), 0);
	assert_int_equal(strlen(args.pod_name), CNI_ARGS_VALUE_MAX - 1);
	snprintf(text, sizeof(text), "K8S_POD_NAME=%0*d", CNI_ARGS_VALUE_MAX, 0);
	assert_int_equal(cni_args_parse(text, &args, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "CNI_ARGS: K8S_POD_NAME: the value is longer than 255 bytes");
}

static void the_program_is_told_by_the_last_part_of_its_path(void **state)
{
	static const struct {
		const char *path;
		enum cni_program program;
	} cases[] = {
		{NULL, PROGRAM_BRIDGE},
		{"", PROGRAM_BRIDGE},
		{"bridge-cni", PROGRAM_BRIDGE},
		{"/opt/cni/bin/bridge", PROGRAM_BRIDGE},
		{"/opt/cni/bin/macvlan", PROGRAM_BRIDGE},
		{"loopback", PROGRAM_LOOPBACK},
		{"/opt/cni/bin/loopback", PROGRAM_LOOPBACK},
		{"../bin/host-local", PROGRAM_HOST_LOCAL},
		{"/opt/loopback/bridge-cni", PROGRAM_BRIDGE},
		{"loopback/", PROGRAM_BRIDGE},
		{"loopback2", PROGRAM_BRIDGE},
		{"Loopback", PROGRAM_BRIDGE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cni_program_called(cases[i].path), cases[i].program);
	assert_null(cni_names[CNI_NAMES]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_variables_are_named_together_in_order),
		cmocka_unit_test(missing_is_told_before_wrong),
		cmocka_unit_test(an_unknown_command_is_named_with_the_known_ones),
		cmocka_unit_test(wrong_variables_are_named_with_their_value),
		cmocka_unit_test(an_endless_namespace_path_is_refused),
		cmocka_unit_test(add_reads_everything),
		cmocka_unit_test(del_needs_only_the_identity),
		cmocka_unit_test(arguments_that_cannot_be_read_stop_add_but_not_del),
		cmocka_unit_test(loopback_does_without_arguments),
		cmocka_unit_test(version_gc_and_status_need_nothing_more),
		cmocka_unit_test(the_override_is_1_or_true),
		cmocka_unit_test(what_kubernetes_sends_is_read),
		cmocka_unit_test(addresses_in_the_arguments_are_read),
		cmocka_unit_test(unknown_arguments_pass_only_when_said_so),
		cmocka_unit_test(bad_arguments_are_named),
		cmocka_unit_test(arguments_have_limits),
		cmocka_unit_test(the_program_is_told_by_the_last_part_of_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
