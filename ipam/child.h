/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs another executable to its end: text in, text out, within a time. It says what
 * became of the process; the caller decides what that means.
 */
#ifndef BRIDGE_CNI_IPAM_CHILD_H
#define BRIDGE_CNI_IPAM_CHILD_H

#include <stdbool.h>

#include "conf/base/error.h"

struct child_spec {
	const char *path;
	char *const *argv; /* NULL: @path alone */
	char *const *env; /* the environment, whole */
	const char *input; /* text of its standard input */
	size_t input_len;
	size_t output_max; /* bytes that it may print */
	bool stderr_too; /* its standard error is read with the output; else it is ours */
	/* A descriptor of ours, behind the standard ones, that it keeps until its end, and
	 * with it the locks that we have by this one; 0: none. */
	int keep;
	unsigned int timeout_ms;
};

struct child_end {
	char *output; /* owned, with a NUL behind it; all that came until the end */
	size_t output_len;
	bool timed_out, too_long; /* killed for that, with its process group */
	int status; /* as waitpid(2) has it; 0 where we killed it */
};
void child_end_clear(struct child_end *end);

/*
 * Runs @spec->path and waits for the end of the process itself: a grandchild that keeps
 * its standard output open holds nothing up. The process leads a process group of its
 * own, dies with this process, and has three descriptors, @spec->keep, and the default action for
 * SIGPIPE, SIGXFSZ, SIGALRM and SIGCHLD. Code 106: it can't be executed; 5: a descriptor
 * or the process can't be made; 100: out of memory.
 */
int child_run(const struct child_spec *spec, struct child_end *ret_end,
	      struct cni_error *err);

#endif
