/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The environment. The input is the value of CNI_ARGS; then, each behind a line break,
 * those of CNI_COMMAND, CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH and
 * CNI_NETNS_OVERRIDE. Missing ones are as good values.
 */
#include "fuzz.h"

#include "conf/env.h"
#include "conf/names.h"

static struct {
	const char *name;
	char *value;
} variables[7];

static char *get(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		if (strcmp(variables[i].name, name) == 0)
			return variables[i].value;
	return NULL;
}

static void set_variables(char *text)
{
	static const struct {
		const char *name;
		const char *value;
	} good[] = {
		{"CNI_ARGS", ""},	    {"CNI_COMMAND", "ADD"},
		{"CNI_CONTAINERID", "c1"},  {"CNI_NETNS", "/run/netns/c1"},
		{"CNI_IFNAME", "eth0"},	    {"CNI_PATH", "/opt/cni/bin"},
		{"CNI_NETNS_OVERRIDE", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		char *value = strsep(&text, "\n");

		variables[i].name = good[i].name;
		variables[i].value = value ? value : (char *)good[i].value;
	}
}

static void promise_args(const struct cni_args *args)
{
	PROMISE(memchr(args->pod_namespace, '\0', CNI_ARGS_VALUE_MAX));
	PROMISE(memchr(args->pod_name, '\0', CNI_ARGS_VALUE_MAX));
	PROMISE(!ip_is_v4_mapped(&args->ip));
}

static void read_env(void)
{
	struct cni_error err = {};
	struct cni_env env = {};
	int ret = cni_env_read(get, PROGRAM_BRIDGE, &env, &err);

	fuzz_promise_error(ret, &err);
	if (ret < 0) {
		PROMISE(err.code == CNI_ERR_ENVIRONMENT && !env.container_id);
		return;
	}
	promise_args(&env.args);
	if (env.verb != CNI_ADD && env.verb != CNI_CHECK && env.verb != CNI_DEL)
		return;
	PROMISE(cni_name_valid(env.container_id) && ifname_valid(env.ifname));
	PROMISE(env.verb == CNI_DEL || (env.netns[0] && env.path[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(free_p) char *text = malloc(size + 1);
	struct cni_error err = {};
	struct cni_args args = {};
	int ret;

	PROMISE(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	set_variables(text);
	ret = cni_args_parse(get("CNI_ARGS"), &args, &err);
	fuzz_promise_error(ret, &err);
	promise_args(&args);
	read_env();
	return 0;
}
