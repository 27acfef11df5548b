/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One child process that runs beside the agent's other work. It is given its whole input
 * at its start, and its output is read after its end.
 */
#ifndef BRIDGE_CNI_AGENT_BASE_JOB_H
#define BRIDGE_CNI_AGENT_BASE_JOB_H

#include <stdint.h>
#include <sys/types.h>

#include "conf/base/error.h"

#define JOB_OUTPUT_MAX \
	(64 * 1024) /* bytes; what a child writes behind them is not read */

struct job {
	pid_t pid; /* 0: no child is running */
	int pidfd; /* readable when the child has ended */
	int output; /* a file in memory, owned as @pidfd is */
	int64_t started; /* by now_ms() */
};
#define JOB_NONE                          \
	{                                 \
		.pidfd = -1, .output = -1 \
	}

/*
 * Starts the program argv[0] (a path) in @job, which must be JOB_NONE. @input becomes the
 * child's standard input, "" for none; standard output and error go into one text. Code
 * 5.
 */
int job_start(struct job *job, char *const argv[], char *const env[], const char *input,
	      struct cni_error *err);

/*
 * Takes the end of the child, for which it waits if need be; @job is JOB_NONE afterwards,
 * after an error, too. *@ret_status, which is always set: the exit status, or 128 + the
 * number of the signal that killed the child. The caller frees *@ret_output. Codes 5,
 * 100: the output can't be read.
 */
int job_end(struct job *job, int *ret_status, char **ret_output, struct cni_error *err);

/* Kills the child, if there is one, and forgets what it has written. */
void job_kill(struct job *job);

#endif
