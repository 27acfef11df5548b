/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the CNI_* environment, in the order and the words of the reference library
 * (containernetworking/cni pkg/skel). What the JSON says is network.c's.
 */
#include "env.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "names.h"

static const char *const verb_names[] = {
	[CNI_ADD] = "ADD",	 [CNI_DEL] = "DEL",	    [CNI_CHECK] = "CHECK",
	[CNI_STATUS] = "STATUS", [CNI_GC] = "GC",	    [CNI_VERSION] = "VERSION",
	[CNI_REPAIR] = "repair", [CNI_CLEANUP] = "cleanup", [CNI_VALIDATE] = "validate",
	[CNI_SHOW] = "show",	 [CNI_DOCTOR] = "doctor",
};

const char *cni_verb_name(enum cni_verb verb)
{
	return verb_names[verb];
}

const char *const cni_names[CNI_NAMES + 1] = {
	[PROGRAM_BRIDGE] = "bridge",
	[PROGRAM_HOST_LOCAL] = "host-local",
	[PROGRAM_LOOPBACK] = "loopback",
	"macvlan",
	"ipvlan",
	"ovs",
};

enum cni_program cni_program_called(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path;

	for (int i = 0; name && i < PROGRAMS; i++)
		if (strcmp(name, cni_names[i]) == 0)
			return i;
	return PROGRAM_BRIDGE;
}

#define V_ADD	 (1u << CNI_ADD)
#define V_DEL	 (1u << CNI_DEL)
#define V_CHECK	 (1u << CNI_CHECK)
#define V_STATUS (1u << CNI_STATUS)
#define V_GC	 (1u << CNI_GC)

static bool path_valid(const char *path)
{
	return strnlen(path, PATH_MAX) < PATH_MAX;
}

static const struct env_var {
	const char *name;
	size_t offset; /* of a const char * in struct cni_env */
	unsigned int required; /* these verbs read it, and can't do without; */
	unsigned int optional; /* these read it if it is there */
	bool (*valid)(const char *value);
	const char *expected;
} env_vars[] = {
	{"CNI_CONTAINERID", offsetof(struct cni_env, container_id),
	 V_ADD | V_DEL | V_CHECK, 0, cni_name_valid,
	 "letters, digits, '_', '.' and '-', a letter or digit first"},
	{"CNI_NETNS", offsetof(struct cni_env, netns), V_ADD | V_CHECK, V_DEL, path_valid,
	 "a path of less than 4096 bytes"},
	{"CNI_IFNAME", offsetof(struct cni_env, ifname), V_ADD | V_DEL | V_CHECK, 0,
	 ifname_valid,
	 "1 to 15 bytes, not \".\" or \"..\", without '/', ':', '%' and white space"},
	{"CNI_PATH", offsetof(struct cni_env, path), V_ADD | V_CHECK,
	 V_DEL | V_STATUS | V_GC, NULL, NULL},
};

/* Returns the member of @env that the variable is read into. */
static const char **env_member(struct cni_env *env, const struct env_var *var)
{
	return (const char **)((char *)env + var->offset);
}

/* An empty variable counts as missing, as in the reference library. */
static const char *get_or_empty(char *(*get)(const char *name), const char *name)
{
	const char *value = get(name);

	return value ? value : "";
}

static bool is_true(const char *text)
{
	return strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0;
}

static bool is_false(const char *text)
{
	return strcmp(text, "0") == 0 || strcasecmp(text, "false") == 0;
}

static int parse_verb(const char *text, enum cni_verb *ret_verb, struct cni_error *err)
{
	for (enum cni_verb i = CNI_ADD; i <= CNI_VERSION; i++) {
		if (strcmp(text, verb_names[i]) == 0) {
			*ret_verb = i;
			return 0;
		}
	}
	return error_set(
		err, CNI_ERR_ENVIRONMENT, EINVAL,
		"CNI_COMMAND: \"%s\" is not a command, expected ADD, DEL, CHECK, "
		"STATUS, GC or VERSION",
		text);
}

/* Reads what the verb uses, and names all that it misses. */
static int read_vars(char *(*get)(const char *name), struct cni_env *env,
		     struct cni_error *err)
{
	unsigned int verb = 1u << env->verb;
	char missing[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(env_vars); i++) {
		const struct env_var *var = &env_vars[i];
		const char **member = env_member(env, var);

		*member = "";
		if ((var->required | var->optional) & verb)
			*member = get_or_empty(get, var->name);
		if ((var->required & verb) && !**member)
			used += snprintf(missing + used, sizeof(missing) - used, "%s%s",
					 used ? "," : "", var->name);
	}
	if (used)
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "required env variables [%s] missing", missing);
	return 0;
}

static int check_vars(struct cni_env *env, struct cni_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(env_vars); i++) {
		const struct env_var *var = &env_vars[i];
		const char *value = *env_member(env, var);

		if (*value && var->valid && !var->valid(value))
			return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
					 "%s: \"%s\" is invalid, expected %s", var->name,
					 value, var->expected);
	}
	return 0;
}

/* Does the operation fail over arguments that can't be read? */
static bool needs_args(const struct cni_env *env)
{
	return env->verb != CNI_DEL && env->program != PROGRAM_LOOPBACK;
}

int cni_env_read(char *(*get)(const char *name), enum cni_program program,
		 struct cni_env *ret_env, struct cni_error *err)
{
	struct cni_env env = {.program = program};
	const char *command = get_or_empty(get, "CNI_COMMAND");
	int ret;

	if (!*command)
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "required env variables [CNI_COMMAND] missing");
	ret = parse_verb(command, &env.verb, err);
	if (ret < 0)
		return ret;
	ret = read_vars(get, &env, err);
	if (ret < 0)
		return ret;
	ret = check_vars(&env, err);
	if (ret < 0)
		return ret;

	if ((1u << env.verb) & (V_ADD | V_DEL | V_CHECK)) {
		env.netns_override = is_true(get_or_empty(get, "CNI_NETNS_OVERRIDE"));
		ret = cni_args_parse(get_or_empty(get, "CNI_ARGS"), &env.args, err);
		if (ret < 0 && needs_args(&env))
			return ret;
		error_clear(err);
	}
	*ret_env = env;
	return 0;
}

static int parse_arg_text(const char *value, void *ret_value, struct cni_error *err)
{
	if (strlen(value) >= CNI_ARGS_VALUE_MAX)
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "the value is longer than %d bytes",
				 CNI_ARGS_VALUE_MAX - 1);
	strcpy(ret_value, value);
	return 0;
}

/* A key whose value is not used: only its length is checked. */
static int parse_arg_unused(const char *value, void *ret_value, struct cni_error *err)
{
	char unused[CNI_ARGS_VALUE_MAX];

	(void)ret_value;
	return parse_arg_text(value, unused, err);
}

static int parse_arg_bool(const char *value, void *ret_value, struct cni_error *err)
{
	if (!is_true(value) && !is_false(value))
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "\"%s\" is not a boolean, expected 1, true, 0 or false",
				 value);
	*(bool *)ret_value = is_true(value);
	return 0;
}

static int parse_arg_given(const char *value, void *ret_value, struct cni_error *err)
{
	(void)err;
	*(bool *)ret_value = *value;
	return 0;
}

static int parse_arg_ip(const char *value, void *ret_value, struct cni_error *err)
{
	struct ip_prefix prefix = {};

	if (!*value)
		return 0;
	if (ip_parse(value, &prefix.addr) < 0 && prefix_parse(value, &prefix) < 0)
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "\"%s\" is not an IP address", value);
	if (ip_is_v4_mapped(&prefix.addr))
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "\"%s\" is an IPv4-mapped IPv6 address, write it as %s",
				 value, IP_TEXT(&prefix.addr));
	*(struct ip_addr *)ret_value = prefix.addr;
	return 0;
}

static int parse_arg_mac(const char *value, void *ret_value, struct cni_error *err)
{
	if (!*value)
		return 0;
	if (mac_parse(value, ret_value) < 0)
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "\"%s\" is not a MAC address such as 02:00:00:00:00:01",
				 value);
	return 0;
}

struct args_state {
	struct cni_args args;
	bool ignore_unknown;
	const char *unknown; /* the first unknown key */
};

#define ARG(key_, member, parse_)                                           \
	{                                                                   \
		.key = key_, .offset = offsetof(struct args_state, member), \
		.parse = parse_                                             \
	}

static const struct arg_key {
	const char *key;
	size_t offset;
	int (*parse)(const char *value, void *ret_value, struct cni_error *err);
	bool unknown; /* it is looked at, and is an unknown key none the less */
} arg_keys[] = {
	ARG("IgnoreUnknown", ignore_unknown, parse_arg_bool),
	ARG("IP", args.ip, parse_arg_ip),
	ARG("MAC", args.mac, parse_arg_mac),
	ARG("K8S_POD_NAMESPACE", args.pod_namespace, parse_arg_text),
	ARG("K8S_POD_NAME", args.pod_name, parse_arg_text),
	{"K8S_POD_UID", 0, parse_arg_unused, false},
	{"K8S_POD_INFRA_CONTAINER_ID", 0, parse_arg_unused, false},
	{"OvnPort", offsetof(struct args_state, args.has_ovn_port), parse_arg_given,
	 true},
};

static int parse_arg(char *pair, struct args_state *state, struct cni_error *err)
{
	char *value = strchr(pair, '=');
	int ret;

	if (!value || value == pair)
		return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
				 "CNI_ARGS: \"%s\" is not a pair, expected KEY=VALUE",
				 pair);
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(arg_keys); i++) {
		if (strcmp(pair, arg_keys[i].key) != 0)
			continue;
		ret = arg_keys[i].parse(value, (char *)state + arg_keys[i].offset, err);
		if (ret < 0)
			error_wrap(err, "CNI_ARGS: %s", pair);
		if (ret < 0 || !arg_keys[i].unknown)
			return ret;
	}
	if (!state->unknown)
		state->unknown = pair;
	return 0;
}

int cni_args_parse(const char *text, struct cni_args *ret_args, struct cni_error *err)
{
	_cleanup_(free_p) char *copy = NULL;
	struct args_state state = {};
	char *rest;
	int ret;

	if (strnlen(text, CNI_ARGS_TEXT_MAX + 1) > CNI_ARGS_TEXT_MAX)
		return error_set(err, CNI_ERR_ENVIRONMENT, E2BIG,
				 "CNI_ARGS: longer than %d bytes", CNI_ARGS_TEXT_MAX);
	rest = copy = strdup(text);
	if (!copy)
		return error_oom(err);
	while (rest) {
		char *pair = strsep(&rest, ";");

		if (!*pair)
			continue;
		ret = parse_arg(pair, &state, err);
		if (ret < 0)
			return ret;
	}
	/* Only now, because IgnoreUnknown may stand behind what it is about. */
	if (state.unknown && !state.ignore_unknown)
		return error_set(
			err, CNI_ERR_ENVIRONMENT, EINVAL,
			"CNI_ARGS: unknown key \"%s\" (IgnoreUnknown=1 lets it pass)",
			state.unknown);
	*ret_args = state.args;
	return 0;
}
