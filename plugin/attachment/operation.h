/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of the program: what was asked for, its hold on the node, and what is told
 * about it at its end. All attachments that it works on share it. */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_OPERATION_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_OPERATION_H

#include <stdint.h>

#include "conf/base/notices.h"
#include "conf/request.h"
#include "kernel.h"
#include "plugin/node/node.h"

struct report;

#define TIMINGS_MAX 24

struct operation {
	const struct cni_env *env; /* what was asked for; borrowed */
	struct node node;
	struct kernel kernel; /* what IPAM asks of the node */

	/* For the operator, on standard error and in the log. Nobody else prints. */
	struct notices notices;
	struct report *report; /* repair, cleanup; NULL: none is asked for. Borrowed. */

	/* How long the stages took, for the log; nothing is measured for a log that is
	 * not written. */
	bool is_timed;
	struct {
		const char *stage;
		uint32_t microseconds;
	} timings[TIMINGS_MAX];
	size_t timings_n;
};

/* For what was asked for by @env. Nothing of the node is open yet. */
void operation_init(struct operation *op, const struct cni_env *env);
void operation_clear(struct operation *op);

/* Opens the node's side, and lets IPAM ask of it. Code 101. */
int operation_open(struct operation *op, struct cni_error *err);

/* Gives everything back that was opened, locks as well. A closed one is fine. */
void operation_close(struct operation *op);

/* Microseconds of a clock that only goes forward; 0 where nobody will read them. */
uint64_t operation_clock(const struct operation *op);

/* Remembers how long a stage took that began at @start. */
void operation_time(struct operation *op, const char *stage, uint64_t start);

#endif
