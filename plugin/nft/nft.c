/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads libnftables by dlopen() where it is needed: its four libraries cost more than the
 * rest of an ADD. */
#include "nft.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "conf/base/text.h"

#define LIBRARY	   "libnftables.so.1"
#define OUTPUT_MAX (4 << 20) /* bytes of what is printed */

struct api {
	void *library;
	__typeof__(&nft_ctx_new) ctx_new;
	__typeof__(&nft_ctx_free) ctx_free;
	__typeof__(&nft_ctx_buffer_error) buffer_error;
	__typeof__(&nft_ctx_buffer_output) buffer_output;
	__typeof__(&nft_ctx_get_error_buffer) get_error_buffer;
	__typeof__(&nft_ctx_get_output_buffer) get_output_buffer;
	__typeof__(&nft_ctx_output_set_flags) output_set_flags;
	__typeof__(&nft_run_cmd_from_buffer) run;
};

static int api_load(struct api *ret_api, struct cni_error *err)
{
	struct api api = {.library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL)};
	const struct {
		const char *name;
		void *address;
	} symbols[] = {
		{"nft_ctx_new", &api.ctx_new},
		{"nft_ctx_free", &api.ctx_free},
		{"nft_ctx_buffer_error", &api.buffer_error},
		{"nft_ctx_buffer_output", &api.buffer_output},
		{"nft_ctx_get_error_buffer", &api.get_error_buffer},
		{"nft_ctx_get_output_buffer", &api.get_output_buffer},
		{"nft_ctx_output_set_flags", &api.output_set_flags},
		{"nft_run_cmd_from_buffer", &api.run},
	};

	if (!api.library)
		return error_set(err, CNI_ERR_RULES, ENOENT,
				 "rules need libnftables, which can't be loaded: %s "
				 "(Debian and Ubuntu: apt install libnftables1; of a "
				 "bundle, all of bridge-cni.lib is needed)",
				 dlerror());
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *symbol = dlsym(api.library, symbols[i].name);

		if (!symbol)
			return error_set(err, CNI_ERR_RULES, ENOSYS,
					 LIBRARY " has no function %s", symbols[i].name);
		memcpy(symbols[i].address, &symbol, sizeof(symbol));
	}
	*ret_api = api;
	return 0;
}

/* The child's report to its parent: how the child ended, and the library's complaint. */
struct verdict {
	enum {
		ENDED_EARLY,
		APPLIED,
		REFUSED,
		NO_MEMORY
	} end;
	char complaint[ERROR_DETAILS_MAX];
};

/* A complaint has lines of several kinds: what is wrong, the line of the rules, and marks
 * below that line. Is this line one that the user has not been told yet? */
static bool is_worth_telling(const char *line, size_t len, const char *told)
{
	return strspn(line, " ^~") < len && !memmem(told, strlen(told), line, len);
}

/* Makes the library's complaint an error: its first line is the message, each other line
 * stands once in the details. */
static int refusal_set(const char *complaint, struct cni_error *err)
{
	size_t len = strcspn(complaint, "\n");
	struct cni_error own = {};
	int ret = error_set(&own, CNI_ERR_RULES, EIO, "nftables refused the rules: %.*s",
			    (int)len, complaint);

	for (const char *line = complaint + len; *line; line += len) {
		line += *line == '\n';
		len = strcspn(line, "\n");
		if (is_worth_telling(line, len, own.msg) &&
		    is_worth_telling(line, len, own.details))
			error_details(&own, "%.*s", (int)len, line);
	}
	error_copy(err, &own);
	return ret;
}

/* Returns what the library has printed, of which the context is the owner. */
static const char *run(const struct api *api, const char *text, struct verdict *verdict)
{
	struct nft_ctx *ctx = api->ctx_new(NFT_CTX_DEFAULT);

	verdict->end = NO_MEMORY;
	if (!ctx || api->buffer_error(ctx) || api->buffer_output(ctx))
		return "";
	api->output_set_flags(ctx, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS);
	verdict->end = api->run(ctx, text) == 0 ? APPLIED : REFUSED;
	if (verdict->end == REFUSED)
		snprintf(verdict->complaint, sizeof(verdict->complaint), "%s",
			 api->get_error_buffer(ctx));
	return api->get_output_buffer(ctx);
}

static void write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR)
			return;
		at += n < 0 ? 0 : n;
		len -= n < 0 ? 0 : n;
	}
}

/* The library ends the process that it runs in where it lacks memory or a socket, so it
 * gets a process of its own. That process shares our descriptors, and with them the
 * locks, while it works. */
static _Noreturn void become_nft(const struct api *api, const char *text, bool prints,
				 int fd)
{
	struct verdict verdict = {};
	const char *output;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	output = run(api, text, &verdict);
	write_all(fd, &verdict, sizeof(verdict));
	if (prints && verdict.end == APPLIED && output)
		write_all(fd, output, strlen(output));
	_exit(0);
}

static int verdict_judge(const struct verdict *verdict, struct cni_error *err)
{
	switch (verdict->end) {
	case APPLIED:
		return 0;
	case REFUSED:
		return refusal_set(verdict->complaint, err);
	case NO_MEMORY:
		return error_oom(err);
	case ENDED_EARLY:
		break;
	}
	return error_set(
		err, CNI_ERR_RULES, EIO,
		"libnftables ended before the rules were written (it says why on "
		"standard error)");
}

int nft_look_up(struct cni_error *err)
{
	struct api api = {};

	return api_load(&api, err);
}

/* Reads the verdict, and what is printed behind it. */
static int report_read(int in, struct verdict *verdict, struct text *output,
		       struct cni_error *err)
{
	char bytes[4096];
	ssize_t n;

	/* A write of less than PIPE_BUF bytes comes whole, or not at all. */
	do
		n = read(in, verdict, sizeof(*verdict));
	while (n < 0 && errno == EINTR);
	while (output && (n > 0 || (n < 0 && errno == EINTR)) &&
	       output->len < OUTPUT_MAX) {
		n = read(in, bytes, sizeof(bytes));
		if (n > 0)
			text_put(output, bytes, n);
	}
	if (n < 0)
		return error_errno(err, CNI_ERR_IO, errno, "what libnftables says");
	if (output && output->failed)
		return error_oom(err);
	return 0;
}

/* @output: what is printed is added to it; NULL: it isn't wanted. */
static int commands_run(const char *text, struct text *output, struct cni_error *err)
{
	_cleanup_(close_p) int in = -1;
	struct verdict verdict = {};
	struct api api = {};
	int fds[2], ret;
	pid_t pid;

	/* The library stays loaded: unloading it would only cost time. */
	ret = api_load(&api, err);
	if (ret < 0)
		return ret;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "pipe2");
	in = fds[0];
	pid = fork();
	if (pid == 0)
		become_nft(&api, text, output, fds[1]);
	ret = -errno;
	close(fds[1]);
	if (pid < 0)
		return error_errno(err, CNI_ERR_IO, -ret, "starting a process");
	ret = report_read(in, &verdict, output, err);
	/* The child ends as well where nobody reads its output any more. */
	close_p(&in);
	in = -1;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return ret < 0 ? ret : verdict_judge(&verdict, err);
}

int nft_apply(const char *text, int lock, struct cni_error *err)
{
	(void)lock; /* The child shares all descriptors. */
	return commands_run(text, NULL, err);
}

int nft_print(const char *text, char **ret_output, struct cni_error *err)
{
	struct text output = {};
	int ret;

	text_put(&output, "", 0);
	ret = commands_run(text, &output, err);
	if (ret < 0) {
		free(output.text);
		return ret;
	}
	*ret_output = output.text;
	return 0;
}
