/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The executable: takes what the runtime gives, runs one operation, prints one answer. The
 * only file that reads stdin, prints, and decides on the exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../conf/json.h"
#include "../conf/result.h"
#include "ipam_verbs.h"
#include "gc.h"
#include "log.h"
#include "verbs.h"

static const char about[] =
	"bridge-cni " BRIDGE_CNI_VERSION
	": a CNI plugin that connects containers to a bridge of their node.\n"
	"It is called by a container runtime, with CNI_* variables in its environment and\n"
	"a network configuration on its standard input (https://www.cni.dev).\n";

static const char usage[] =
	"\n"
	"Put it into the runtime's plugin directory (mostly /opt/cni/bin) and name it as\n"
	"\"type\" in a configuration in /etc/cni/net.d. By hand:\n"
	"\n"
	"  CNI_COMMAND=VERSION bridge-cni </dev/null\n"
	"  CNI_COMMAND=ADD CNI_CONTAINERID=test1 CNI_NETNS=/run/netns/test1 CNI_IFNAME=eth0 \\\n"
	"      CNI_PATH=/opt/cni/bin bridge-cni <network.json\n"
	"\n"
	"Under the name host-local (a link to it) it is the IPAM plugin of that name.\n"
	"\n"
	"  --help     this text\n"
	"  --version  the version of bridge-cni\n";

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

/* All of stdin, at most JSON_TEXT_MAX bytes. */
static int stdin_read(char **ret_text, size_t *ret_len, struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL;
	size_t size = 0, len = 0;

	for (;;) {
		ssize_t got;

		if (len == size) {
			char *grown = realloc(text, size = size ? 4 * size : 16384);

			if (!grown)
				return error_oom(err);
			text = grown;
		}
		got = read(STDIN_FILENO, text + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(
				err, CNI_ERR_IO, errno,
				"reading the configuration from standard input");
		if (got == 0)
			break;
		len += got;
		if (len > JSON_TEXT_MAX)
			return error_set(err, CNI_ERR_JSON, EFBIG,
					 "the configuration on standard input is longer "
					 "than %d bytes",
					 JSON_TEXT_MAX);
	}
	*ret_text = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

/* The answer's version is the question's, where that can be made out. */
static int version_print(struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(free_p) char *question = NULL, *answer = NULL;
	enum cni_version version = CNI_VERSIONS - 1;
	struct cni_error ignored = {};
	size_t len;

	if (stdin_read(&question, &len, &ignored) == 0 &&
	    json_parse(question, len, &doc, &ignored) == 0)
		(void)net_conf_read_version(doc, &version, &ignored);
	answer = version_text(version);
	return answer ? stdout_write(answer, err) : error_oom(err);
}

/* What the program is, by the name that it is called by. */
static const struct program {
	int (*add)(struct attachment *att, answer_fn print, struct cni_error *err);
	int (*del)(struct attachment *att, struct cni_error *err);
	int (*check)(struct attachment *att, struct cni_error *err);
	int (*status)(struct attachment *att, struct cni_error *err);
	int (*gc)(struct attachment *att, struct cni_error *err);
} main_plugin = {verb_add, verb_del, verb_check, verb_status, verb_gc},
  ipam_plugin = {ipam_verb_add, ipam_verb_del, ipam_verb_check, ipam_verb_status,
		 ipam_verb_gc};

static bool is_called(const char *path, const char *name)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return path && strcmp(slash ? slash + 1 : path, name) == 0;
}

static int operate(struct attachment *att, struct cni_error *err)
{
	const struct program *program = att->env.ipam_only ? &ipam_plugin : &main_plugin;

	switch (att->env.verb) {
	case CNI_ADD:
		return program->add(att, stdout_write, err);
	case CNI_DEL:
		return program->del(att, err);
	case CNI_CHECK:
		return program->check(att, err);
	case CNI_STATUS:
		return program->status(att, err);
	case CNI_GC:
		return program->gc(att, err);
	case CNI_VERSION: /* has no attachment: run() */
		break;
	}
	return error_set(err, CNI_ERR_INTERNAL, ENOSYS, "no such operation");
}

/* @called: argv[0]. @ret_version: for the error's JSON, as soon as it is known. */
static int run(const char *called, enum cni_version *ret_version, struct cni_error *err)
{
	_cleanup_(attachment_clear) struct attachment att = {};
	_cleanup_(free_p) char *text = NULL;
	uint64_t started = log_clock();
	struct cni_env env;
	size_t len;
	int ret;

	ret = cni_env_read(getenv, &env, err);
	if (ret == 0 && env.verb == CNI_VERSION)
		return version_print(err);
	env.ipam_only = is_called(called, "host-local");
	if (ret == 0)
		ret = stdin_read(&text, &len, err);
	if (ret == 0)
		ret = attachment_read(text, len, &env, &att, ret_version, err);
	if (ret == 0) {
		ret = operate(&att, err);
		log_operation(&att, started, err, getenv("TRACEPARENT"));
	}
	if (att.notice)
		fputs(att.notice, stderr);
	return ret;
}

static int called_by_a_person(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("bridge-cni " BRIDGE_CNI_VERSION);
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		printf("%s%s", about, usage);
		return 0;
	}
	fputs(about, stderr);
	if (argc > 1) {
		fprintf(stderr, "Unknown argument \"%s\"; see --help.\n", argv[1]);
		return 2;
	}
	fputs(usage, stderr);
	return 0;
}

/*
 * What is opened here must not become standard output by chance: where that was closed,
 * writing the answer has to fail, not to end up in a file or a socket.
 */
static void standard_streams_keep(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int lowest = fd;

		if (fcntl(fd, F_GETFD) < 0)
			lowest = open("/dev/null", O_RDONLY);
		if (lowest != fd)
			abort();
	}
}

int main(int argc, char **argv)
{
	enum cni_version version = CNI_VERSIONS - 1;
	struct cni_error err = {}, ignored = {};
	const char *command = getenv("CNI_COMMAND");
	char *text;

	standard_streams_keep();
	if (argc > 1 || !command || !command[0])
		return called_by_a_person(argc, argv);

	/* A closed pipe is an error of write(), which is undone, not a death. */
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	if (run(argv[0], &version, &err) == 0)
		return 0;
	text = error_text(&err, version);
	if (text)
		stdout_write(text, &ignored);
	/* For the runtime's log, too: not all of them show the answer. */
	fprintf(stderr, "bridge-cni: %s\n", err.msg);
	free(text);
	return 1;
}
