/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One run of a delegated IPAM plugin: where it is, what it is given, and what its answer
 * means. child.h runs the process, conf/answer.h reads its JSON.
 */
#include "delegate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "conf/answer.h"
#include "conf/json/json_doc.h"
#include "conf/json/json_scan.h"
#include "child.h"

#define VARIABLE      "CNI_"
#define SEEN_TEXT_MAX 160 /* bytes of its output in a message, with the NUL */

struct environment {
	char **items; /* owned, and so are the first own_n strings */
	size_t own_n;
};

static bool is_this_program(const struct stat *file)
{
	struct stat self;

	return stat("/proc/self/exe", &self) == 0 && self.st_dev == file->st_dev &&
	       self.st_ino == file->st_ino;
}

/* Finds the first regular file of that name. This program would ask
 * itself without end. */
static int find(const struct delegation *delegation, char **ret_path,
		struct cni_error *err)
{
	const char *type = delegation->network->ipam.type, *directory = delegation->path;
	struct stat file;

	while (*directory) {
		_cleanup_(free_p) char *path = NULL;
		int len = strcspn(directory, ":");

		if (asprintf(&path, "%.*s/%s", len, directory, type) < 0) {
			path = NULL;
			return error_oom(err);
		}
		if (len > 0 && stat(path, &file) == 0 && S_ISREG(file.st_mode)) {
			if (is_this_program(&file))
				return error_set(err, CNI_ERR_CONFIG, ELOOP,
						 "ipam.type: %s (%s) is this plugin "
						 "itself, expected an IPAM plugin",
						 type, path);
			*ret_path = TAKE_PTR(path);
			return 0;
		}
		directory += len;
		directory += *directory == ':';
	}
	return error_set(err, CNI_ERR_CONFIG, ENOENT,
			 "ipam.type: there is no plugin %s in CNI_PATH (%s); install it "
			 "there, or name another one",
			 type, delegation->path[0] ? delegation->path : "which is empty");
}

/* A variable that says which attachment is meant, which is not always our caller's. */
struct identity_var {
	const char *name;
	const char *value;
};

static bool is_named(const char *variable, const char *name)
{
	size_t len = strlen(name);

	return strncmp(variable, name, len) == 0 && variable[len] == '=';
}

static bool is_passed_on(const char *variable, const struct identity_var *vars, size_t n)
{
	if (strncmp(variable, VARIABLE, strlen(VARIABLE)) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_named(variable, vars[i].name))
			return false;
	return true;
}

static void environment_clear(struct environment *env)
{
	for (size_t i = 0; i < env->own_n; i++)
		free(env->items[i]);
	free(env->items);
}

/* Puts the attachment's identity first, then the other CNI_* variables that
 * we were given. */
static int environment_make(const struct delegation *delegation, enum cni_verb verb,
			    struct environment *env, struct cni_error *err)
{
	const struct identity_var vars[] = {
		{VARIABLE "COMMAND", cni_verb_name(verb)},
		{VARIABLE "CONTAINERID", delegation->pod->container_id},
		{VARIABLE "NETNS", delegation->pod->netns},
		{VARIABLE "IFNAME", delegation->pod->ifname},
	};
	size_t n = 0;

	while (environ[n])
		n++;
	env->items = calloc(n + ARRAY_SIZE(vars) + 1, sizeof(*env->items));
	if (!env->items)
		return error_oom(err);
	for (size_t i = 0; i < ARRAY_SIZE(vars); i++) {
		if (!vars[i].value[0])
			continue;
		if (asprintf(&env->items[env->own_n], "%s=%s", vars[i].name,
			     vars[i].value) < 0)
			return error_oom(err);
		env->own_n++;
	}
	n = env->own_n;
	for (char **variable = environ; *variable; variable++)
		if (is_passed_on(*variable, vars, ARRAY_SIZE(vars)))
			env->items[n++] = *variable;
	return 0;
}

static int run(const struct delegation *delegation, const char *path, enum cni_verb verb,
	       struct child_end *ret_end, struct cni_error *err)
{
	_cleanup_(environment_clear) struct environment env = {};
	int ret = environment_make(delegation, verb, &env, err);

	if (ret < 0)
		return ret;
	return child_run(
		&(struct child_spec){.path = path,
				     .env = env.items,
				     .input = delegation->network->text,
				     .input_len = delegation->network->text_len,
				     .output_max = JSON_TEXT_MAX,
				     .timeout_ms = delegation->network->ipam_timeout *
						   1000},
		ret_end, err);
}

/* Writes how the output starts, printable and in one line, for a message. */
static const char *seen_format(const struct child_end *end, char buf[SEEN_TEXT_MAX])
{
	size_t len = end->output_len < SEEN_TEXT_MAX - 4 ? end->output_len
							 : SEEN_TEXT_MAX - 4;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = end->output[i];

		buf[i] = c < ' ' || c == 0x7f ? ' ' : c;
	}
	strcpy(buf + len, len < end->output_len ? "..." : "");
	return buf;
}
#define SEEN_TEXT(end) seen_format((end), (char[SEEN_TEXT_MAX]){})

static void seen_add(const struct child_end *end, struct cni_error *err)
{
	if (!end->output || end->output_len == 0)
		error_details(err, "it printed nothing on its standard output");
	else
		error_details(err, "its standard output: %s", SEEN_TEXT(end));
}

/* Judges a process that ended by itself: by its exit status, or by what it died of. */
static int status_judge(const struct child_end *end, struct cni_error *err)
{
	struct cni_error own = {}, unreadable = {};
	int ret;

	if (WIFSIGNALED(end->status)) {
		ret = error_set(err, CNI_ERR_DELEGATE, EPROTO, "killed by signal %d (%s)",
				WTERMSIG(end->status), strsignal(WTERMSIG(end->status)));
		seen_add(end, err);
		return ret;
	}
	if (WEXITSTATUS(end->status) == 0)
		return 0;
	if (end->output_len > 0 &&
	    answer_read_error(end->output, end->output_len, &own, &unreadable) == 0) {
		error_copy(err, &own);
		return -EREMOTEIO;
	}
	ret = error_set(err, CNI_ERR_DELEGATE, EPROTO,
			"exit status %d without an error object",
			WEXITSTATUS(end->status));
	if (unreadable.code)
		error_details(err, "%s", unreadable.msg);
	seen_add(end, err);
	return ret;
}

static int end_judge(const struct delegation *delegation, const struct child_end *end,
		     struct cni_error *err)
{
	int ret;

	if (!end->timed_out && !end->too_long)
		return status_judge(end, err);
	if (end->timed_out)
		ret = error_set(err, CNI_ERR_DELEGATE, ETIMEDOUT,
				"it did not end within %u seconds (ipamTimeoutSeconds) "
				"and was killed",
				delegation->network->ipam_timeout);
	else
		ret = error_set(err, CNI_ERR_DELEGATE, EFBIG,
				"it printed more than %d bytes and was killed",
				JSON_TEXT_MAX);
	seen_add(end, err);
	return ret;
}

static int result_take(const struct child_end *end, struct cni_result *ret_result,
		       struct json_doc **ret_doc, struct cni_error *err)
{
	_cleanup_(cni_result_clear) struct cni_result result = {};
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	int ret;

	ret = answer_read_result(end->output ? end->output : "", end->output_len, &doc,
				 &result, err);
	if (ret == 0 && result.ips.n == 0)
		ret = error_set(err, CNI_ERR_DELEGATE, ENODATA, "no address (ips)");
	if (ret < 0) {
		/* Not our configuration is wrong, but the plugin's answer. */
		error_recode(err, CNI_ERR_DELEGATE);
		error_wrap(err, "its result");
		seen_add(end, err);
		return ret;
	}
	*ret_result = result;
	result = (struct cni_result){};
	*ret_doc = TAKE_PTR(doc);
	return 0;
}

static void context_add(const struct delegation *delegation, enum cni_verb verb,
			struct cni_error *err)
{
	error_wrap(err, "IPAM plugin %s, %s", delegation->network->ipam.type,
		   cni_verb_name(verb));
}

int delegate_run(const struct delegation *delegation, enum cni_verb verb,
		 struct cni_error *err)
{
	_cleanup_(child_end_clear) struct child_end end = {};
	_cleanup_(free_p) char *path = NULL;
	int ret;

	ret = find(delegation, &path, err);
	if (ret < 0)
		return ret;
	ret = run(delegation, path, verb, &end, err);
	if (ret == 0)
		ret = end_judge(delegation, &end, err);
	if (ret < 0)
		context_add(delegation, verb, err);
	return ret;
}

int delegate_add(const struct delegation *delegation, struct cni_result *ret_result,
		 struct json_doc **ret_doc, struct cni_error *err)
{
	_cleanup_(child_end_clear) struct child_end end = {};
	_cleanup_(free_p) char *path = NULL;
	struct cni_error undo = {};
	int ret;

	ret = find(delegation, &path, err);
	if (ret < 0)
		return ret;
	ret = run(delegation, path, CNI_ADD, &end, err);
	if (ret == 0)
		ret = end_judge(delegation, &end, err);
	if (ret == 0)
		ret = result_take(&end, ret_result, ret_doc, err);
	if (ret == 0)
		return 0;
	context_add(delegation, CNI_ADD, err);
	/* Only the plugin knows what it holds by now. */
	if (delegate_run(delegation, CNI_DEL, &undo) < 0)
		error_details(err, "undoing it failed, too: %s", undo.msg);
	return ret;
}
