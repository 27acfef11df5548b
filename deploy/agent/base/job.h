/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One child process, run beside the agent's other work: text in, text out, and its end. */
#ifndef BRIDGE_CNI_AGENT_JOB_H
#define BRIDGE_CNI_AGENT_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/base/error.h"

#define JOB_OUTPUT_MAX (64 * 1024)

struct job {
	pid_t pid; /* 0: none is running */
	int pidfd; /* readable at its end */
	int output; /* a file in memory */
	int64_t started; /* now_ms() */
};
#define JOB_NONE                          \
	{                                 \
		.pidfd = -1, .output = -1 \
	}

/* @input: its standard input, "" for none. Output and errors go into one text. Code 5. */
int job_start(struct job *job, char *const argv[], char *const env[], const char *input,
	      struct cni_error *err);

/* After its end. @ret_status: the exit status; 128 + the signal that killed it. */
int job_end(struct job *job, int *ret_status, char **ret_output, struct cni_error *err);

/* It has taken too long, or the agent ends. */
void job_kill(struct job *job);

#endif
