/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The executable as a runtime calls it: reads the environment and standard input, runs
 * one operation, prints one answer. No other file reads standard input. Only command.c
 * and validate.c print as well, where there is no runtime.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/json/json_doc.h"
#include "conf/result.h"
#include "command.h"
#include "plugin/verb/gc.h"
#include "input.h"
#include "plugin/verb/host_local.h"
#include "plugin/verb/loopback.h"
#include "plugin/attachment/log.h"
#include "policy_file.h"
#include "say.h"
#include "plugin/verb/status.h"
#include "plugin/verb/add_del_check.h"

static int stdout_write(const char *text, struct cni_error *err)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t written = write(STDOUT_FILENO, text, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return error_errno(err, CNI_ERR_IO, errno,
					   "writing the result to standard output");
		text += written;
		left -= written;
	}
	return 0;
}

static int stdin_read(char **ret_text, size_t *ret_len, struct cni_error *err)
{
	return input_read(STDIN_FILENO, "standard input", ret_text, ret_len, err);
}

/* The answer has the version of the question, where that can be made out. */
static int version_print(struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(free_p) char *question = NULL, *answer = NULL;
	enum cni_version version = CNI_VERSIONS - 1;
	size_t len;

	if (stdin_read(&question, &len, err) == 0 &&
	    json_parse(question, len, &doc, err) == 0)
		(void)cni_version_read(doc, &version, err);
	error_clear(err);
	answer = version_text(version);
	return answer ? stdout_write(answer, err) : error_oom(err);
}

/* The operations of each plugin that the program is. */
static const struct program {
	int (*add)(struct attachment *att, answer_fn print, struct cni_error *err);
	int (*del)(struct attachment *att, struct cni_error *err);
	int (*check)(struct attachment *att, struct cni_error *err);
	int (*status)(struct attachment *att, struct cni_error *err);
	int (*gc)(struct attachment *att, const struct valid_set *valid,
		  struct cni_error *err);
} programs[] = {
	[PROGRAM_BRIDGE] = {verb_add, verb_del, verb_check, verb_status, verb_gc},
	[PROGRAM_HOST_LOCAL] = {ipam_verb_add, ipam_verb_del, ipam_verb_check,
				ipam_verb_status, ipam_verb_gc},
	[PROGRAM_LOOPBACK] = {loopback_verb_add, loopback_verb_del, loopback_verb_check,
			      loopback_verb_status, loopback_verb_gc},
};

/* The list of valid attachments is read here: the configuration has it, but it is no part
 * of the network. */
static int gc_run(const struct program *program, const struct request *request,
		  struct attachment *att, struct cni_error *err)
{
	_cleanup_(valid_set_clear) struct valid_set valid = {};
	int ret = valid_set_read(request->doc, &valid, err);

	return ret < 0 ? ret : program->gc(att, &valid, err);
}

static int operate(const struct request *request, struct attachment *att,
		   struct cni_error *err)
{
	const struct program *program = &programs[request->env.program];

	switch (request->env.verb) {
	case CNI_ADD:
		return program->add(att, stdout_write, err);
	case CNI_DEL:
		return program->del(att, err);
	case CNI_CHECK:
		return program->check(att, err);
	case CNI_STATUS:
		return program->status(att, err);
	case CNI_GC:
		return gc_run(program, request, att, err);
	case CNI_VERSION: /* run() has answered it */
	case CNI_REPAIR: /* command.c runs these */
	case CNI_CLEANUP:
	case CNI_SHOW:
	case CNI_VALIDATE:
	case CNI_DOCTOR:
		break;
	}
	return error_set(err, CNI_ERR_INTERNAL, ENOSYS, "no such operation");
}

static int attachment_operate(const struct request *request, struct operation *op,
			      bool is_right, struct cni_error *err)
{
	_cleanup_(attachment_clear) struct attachment att;
	uint64_t started;
	int ret = 0;

	op->is_timed = log_is_wanted(&request->network);
	attachment_init(&att, op, &request->network, &request->pod);
	started = operation_clock(op);
	if (is_right)
		ret = operate(request, &att, err);
	log_operation(&att, started, err, getenv("TRACEPARENT"));
	return ret;
}

/* @called: argv[0]. @ret_version: the version that an error is printed in, set as soon as
 * it is known. */
static int run(const char *called, enum cni_version *ret_version, struct cni_error *err)
{
	_cleanup_(request_clear) struct request request = {};
	_cleanup_(operation_clear) struct operation op;
	_cleanup_(free_p) char *text = NULL;
	struct cni_env env;
	size_t len = 0;
	int ret, read_ret;

	ret = cni_env_read(getenv, cni_program_called(called), &env, err);
	operation_init(&op, &request.env);
	/* Who asks for GC by hand has a terminal, and waits for its end. */
	if (ret == 0 && env.verb == CNI_GC && isatty(STDERR_FILENO))
		op.tell_wait = say_wait;
	if (ret == 0 && env.verb == CNI_VERSION)
		return version_print(err);
	if (ret == 0)
		ret = stdin_read(&text, &len, err);
	if (ret < 0)
		return ret;
	read_ret = request_read(text, len, &env, &request, ret_version, &op.notices, err);
	if (read_ret == 0)
		read_ret = policy_ask(&op, &request, err);
	policy_ask_log(&op, &request);
	ret = attachment_operate(&request, &op, read_ret == 0, err);
	say_notices(&op.notices);
	return read_ret < 0 ? read_ret : ret;
}

/*
 * Keeps the numbers of the standard streams taken. Where standard output was closed, a
 * file or a socket that is opened later must not get its number: writing the answer has
 * to fail then.
 */
static void standard_streams_keep(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int lowest = fd;

		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			lowest = open("/dev/null", O_RDONLY);
		if (lowest != fd)
			abort();
	}
}

int main(int argc, char **argv)
{
	enum cni_version version = CNI_VERSIONS - 1;
	struct cni_error err = {};
	const char *command = getenv("CNI_COMMAND");
	char *text;

	standard_streams_keep();
	/* Without these signals a closed pipe, or a file that grows past RLIMIT_FSIZE, is
	 * an error of write(): the operation is undone, and the process not killed. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	umask(022);
	if (argc > 1 || !command || !command[0])
		return command_run(argc, argv);
	if (run(argv[0], &version, &err) == 0)
		return 0;
	text = error_text(&err, version);
	/* The error is printed on standard error, too, for the runtime's log: not all
	 * runtimes show the answer. */
	say_error(NULL, &err);
	error_clear(&err);
	if (text)
		stdout_write(text, &err);
	free(text);
	return 1;
}
