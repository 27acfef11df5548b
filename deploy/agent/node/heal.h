/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs `bridge-cni repair` when what pods' traffic needs has changed under the agent's eyes,
 * and now and then without a reason. Routes to other nodes are routes.h's.
 */
#ifndef BRIDGE_CNI_AGENT_HEAL_H
#define BRIDGE_CNI_AGENT_HEAL_H

#include "deploy/agent/base/job.h"
#include "fingerprint.h"
#include "deploy/agent/base/options.h"

struct heal {
	const struct options *options;
	const struct log *log;
	struct netlink *rtnl, *nft;
	bool begun; /* the configuration is there: there is something to look after */
	bool known; /* a repair has ended well, and ... */
	struct look good; /* ... this was seen then */
	struct look before; /* when the one that runs was started */
	unsigned int closed_uplink; /* its index, once that was told; 0: none */
	bool due;
	int64_t due_at, look_at, periodic_at; /* now_ms() */
	unsigned int failed; /* in a row */
	bool running; /* the job is this one's */
	uint64_t runs, failures, mended; /* mended: things that repairs told of */
	uint64_t differed[LOOKS];
};

/* A new configuration is there: the first time, or it changed. */
void heal_begin(struct heal *heal);

/* Looks, when it is time for it; starts a repair in @job, where that is free. */
void heal_tick(struct heal *heal, struct job *job);

/* The job has ended and was ours. */
void heal_ended(struct heal *heal, int status, char *output);

/* When heal_tick() wants to be called next; while @job runs, whosever it is, only to look. */
int64_t heal_next(const struct heal *heal, const struct job *job);

#endif
