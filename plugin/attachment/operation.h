/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of the program: what was asked for, what it holds of the node, and what is
 * reported at its end. All attachments that it works on share it. */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_OPERATION_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_OPERATION_H

#include <stdint.h>

#include "conf/base/notices.h"
#include "conf/policy.h"
#include "conf/request.h"
#include "kernel.h"
#include "plugin/node/node.h"

struct report;

#define TIMINGS_MAX 24

struct operation {
	const struct cni_env *env; /* what was asked for; borrowed */
	struct node node;
	struct kernel kernel; /* what IPAM asks of the node */

	/* The administrator's policy (plugin/policy_file.h). */
	struct policy policy;
	const struct policy_rule *rule; /* the network's; NULL: nothing is restricted */
	/* the length of the part of logFile's path that the administrator vouches for; 0:
	 * the log is not written there */
	size_t log_prefix;

	/* A program that has part of a switch didn't answer in time, so that no other
	 * attachment waits for it as well. */
	bool switch_is_silent;

	/* Lines for the operator, on standard error and in the log. No stage prints by
	 * itself. */
	struct notices notices;
	/* repair, cleanup: filled in for the caller; NULL: no report is asked for.
	 * Borrowed. */
	struct report *report;

	/* show, doctor: only looks, without a lock, without another program's help, and
	 * without a module being loaded for it. Whoever begins the operation sets it, before
	 * an attachment is made. */
	bool looks;
	/* repair, cleanup, and GC by hand: tells a person which lock is waited for, and
	 * for how long. NULL: nobody is told. Set as @looks is. */
	flock_tell_fn tell_wait;

	/* How long the stages took, for the log. Nothing is measured where no log is
	 * written. */
	bool is_timed;
	struct {
		const char *stage;
		uint32_t microseconds;
	} timings[TIMINGS_MAX];
	size_t timings_n;
};

/* Begins the operation that @env asks for. Nothing of the node is open yet. */
void operation_init(struct operation *op, const struct cni_env *env);
void operation_clear(struct operation *op);

/* Opens the node's side, so that IPAM can ask about it as well. Code 101. */
int operation_open(struct operation *op, struct cni_error *err);

/* Closes all that was opened, and gives locks back. @op may be closed already. */
void operation_close(struct operation *op);

/* Returns microseconds of a clock that only goes forward; 0 where no log is written. */
uint64_t operation_clock(const struct operation *op);

/* Remembers how long a stage took that began at @start. */
void operation_time(struct operation *op, const char *stage, uint64_t start);

#endif
