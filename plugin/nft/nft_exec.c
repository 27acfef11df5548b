/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nft_apply() and nft_print() of the static build, which can load no library. It starts the program of
 * nft_main.c, which lies beside the executable with a loader and libraries of its own.
 */
#include "nft.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "ipam/child.h"

#define ERROR_MAX  65536 /* bytes; an error has a few lines */
#define OUTPUT_MAX (4 << 20) /* bytes of what is printed */
#define TIMEOUT_S  60

/* The path of a file of the bundle: beside the executable, whatever link that was called
 * by. */
static int path_beside(const char *name, char ret_path[PATH_MAX], struct cni_error *err)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self));
	const char *slash;

	if (len < 0)
		return error_errno(err, CNI_ERR_RULES, errno, "reading /proc/self/exe");
	slash = memrchr(self, '/', len);
	if (!slash || snprintf(ret_path, PATH_MAX, "%.*s/bridge-cni.lib/%s",
			       (int)(slash - self), self, name) >= PATH_MAX)
		return error_set(err, CNI_ERR_RULES, ENAMETOOLONG,
				 "the path of the executable is too long");
	return 0;
}

/* The program gets none of our environment: LD_PRELOAD and the like are not meant for
 * it. */
static int start(const char *loader, const char *program, const char *text, bool prints,
		 int lock, struct child_end *ret_end, struct cni_error *err)
{
	/* The cache of the node's own loader names libraries of another libc. */
	const char *const argv[] = {loader, "--inhibit-cache", program,
				    prints ? NFT_PROGRAM_PRINTS : NULL, NULL};

	return child_run(&(struct child_spec){.path = loader,
					      .argv = (char *const *)argv,
					      .env = (char *const[]){NULL},
					      .input = text,
					      .input_len = strlen(text),
					      .output_max = prints ? OUTPUT_MAX
								   : ERROR_MAX,
					      .stderr_too = true,
					      .keep = lock > STDERR_FILENO ? lock : 0,
					      .timeout_ms = TIMEOUT_S * 1000},
			 ret_end, err);
}

/* Makes an error of a program that failed before it came to the rules; it says where to
 * look. */
static int failed(const char *program, const struct child_end *end, struct cni_error *err)
{
	int ret;

	if (end->timed_out)
		return error_set(err, CNI_ERR_RULES, ETIMEDOUT,
				 "%s did not end within %d seconds and was killed",
				 program, TIMEOUT_S);
	if (WIFSIGNALED(end->status))
		ret = error_set(err, CNI_ERR_RULES, EPROTO, "%s was killed by signal %d",
				program, WTERMSIG(end->status));
	else
		ret = error_set(err, CNI_ERR_RULES, EPROTO,
				"%s can't be run; is the bundle whole?", program);
	if (end->output && end->output[0])
		error_details(err, "%.*s", (int)strcspn(end->output, "\n"), end->output);
	return ret;
}

/* Makes an error of how the program ended. Its exit status is the code of the error that
 * it has printed: the message, a line end, the details. */
static int end_judge(const char *program, const struct child_end *end,
		     struct cni_error *err)
{
	int code = WIFEXITED(end->status) ? WEXITSTATUS(end->status) : -1;
	const char *text = end->output ? end->output : "";
	size_t len = strcspn(text, "\n");
	int ret;

	if (end->timed_out || end->too_long ||
	    (code != 0 && code != CNI_ERR_RULES && code != CNI_ERR_INTERNAL))
		return failed(program, end, err);
	if (code == 0)
		return 0;
	ret = error_set(err, code, EIO, "%.*s", (int)len, text);
	if (text[len] && text[len + 1])
		error_details(err, "%s", text + len + 1);
	return ret;
}

int nft_look_up(struct cni_error *err)
{
	static const char *const names[] = {"ld.so", "bridge-cni-nft"};
	char path[PATH_MAX];
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(names); i++) {
		ret = path_beside(names[i], path, err);
		if (ret == 0 && access(path, X_OK) < 0)
			ret = error_errno(err, CNI_ERR_RULES, errno,
					  "rules need the whole bundle: %s", path);
	}
	return ret;
}

static int commands_run(const char *text, bool prints, int lock, struct child_end *end,
			struct cni_error *err)
{
	char loader[PATH_MAX], program[PATH_MAX];
	struct cni_error own = {};
	int ret;

	ret = path_beside("ld.so", loader, err);
	if (ret == 0)
		ret = path_beside("bridge-cni-nft", program, err);
	if (ret < 0)
		return ret;
	ret = start(loader, program, text, prints, lock, end, &own);
	if (ret == 0)
		return end_judge(program, end, err);
	if (own.code == CNI_ERR_DELEGATE) {
		error_recode(&own, CNI_ERR_RULES);
		error_wrap(&own, "rules need the whole bundle");
	}
	error_copy(err, &own);
	return ret;
}

int nft_apply(const char *text, int lock, struct cni_error *err)
{
	_cleanup_(child_end_clear) struct child_end end = {};

	return commands_run(text, false, lock, &end, err);
}

int nft_print(const char *text, char **ret_output, struct cni_error *err)
{
	_cleanup_(child_end_clear) struct child_end end = {};
	int ret = commands_run(text, true, -1, &end, err);

	if (ret == 0)
		*ret_output = TAKE_PTR(end.output);
	return ret;
}
