/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs another executable to its end: text in, text out, within a time. Says what became
 * of it; what that means is the caller's.
 */
#ifndef BRIDGE_CNI_IPAM_CHILD_H
#define BRIDGE_CNI_IPAM_CHILD_H

#include <stdbool.h>

#include "conf/base/error.h"

struct child_spec {
	const char *path;
	char *const *argv; /* NULL: @path alone */
	char *const *env; /* the environment, whole */
	const char *input; /* its standard input */
	size_t input_len;
	size_t output_max; /* bytes of its standard output */
	bool stderr_too; /* its standard error is part of the output, not ours */
	unsigned int timeout_ms;
};

struct child_end {
	char *output; /* owned, NUL behind it; on timed_out what had come until then */
	size_t output_len;
	bool timed_out, too_long; /* it was killed for that, with its process group */
	int status; /* as waitpid(2) has it, where it wasn't killed by us */
};
void child_end_clear(struct child_end *end);

/*
 * Runs @spec->path and waits for the end of the process itself: a grandchild that keeps
 * its standard output open holds nothing up. It leads a process group of its own, dies
 * with this process, has three descriptors and the default
 * action for SIGPIPE, SIGALRM and SIGCHLD. Code 106 where it can't be executed, 5 where
 * what it needs can't be had.
 */
int child_run(const struct child_spec *spec, struct child_end *ret_end,
	      struct cni_error *err);

#endif
