/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens and closes what an operation has, and measures its stages. */
#include "operation.h"

#include "conf/base/clock.h"

void operation_init(struct operation *op, const struct cni_env *env)
{
	*op = (struct operation){.env = env, .node = NODE_CLOSED};
}

void operation_clear(struct operation *op)
{
	operation_close(op);
	notices_clear(&op->notices);
	policy_clear(&op->policy);
}

int operation_open(struct operation *op, struct cni_error *err)
{
	int ret = node_open(&op->node, err);

	if (ret < 0)
		return ret;
	op->node.loads_nothing = op->looks;
	op->node.tell_wait = op->tell_wait;
	kernel_open(&op->node, &op->kernel);
	return 0;
}

void operation_close(struct operation *op)
{
	node_close(&op->node);
	op->kernel.ipam = (struct ipam_kernel){};
}

uint64_t operation_clock(const struct operation *op)
{
	return op->is_timed ? now_us() : 0;
}

void operation_time(struct operation *op, const char *stage, uint64_t start)
{
	if (!op->is_timed || op->timings_n == TIMINGS_MAX)
		return;
	op->timings[op->timings_n].stage = stage;
	op->timings[op->timings_n++].microseconds = operation_clock(op) - start;
}
