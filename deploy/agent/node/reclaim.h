/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives dead attachments (dead_attachments.h) a DEL, one at a time, so that their
 * addresses can be given again. Each gets its DEL by name. A GC wouldn't do: it wants the
 * list of all that live, and would delete a pod that was added after the list was made.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_RECLAIM_H
#define BRIDGE_CNI_AGENT_NODE_RECLAIM_H

#include "deploy/agent/base/job.h"
#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"
#include "ipam/ipam.h"
#include "network_names.h"

/* The caller sets the first three fields, which it keeps, and the rest to 0. */
struct reclaim {
	const struct options *options;
	const struct network_names *network;
	const struct log *log;
	struct ipam_holder_list dead; /* owned: those that have not got their DEL yet */
	uint64_t done, failures; /* DELs since the start */
	size_t refused; /* attachments that looked dead, but aren't believed to be */
	uint64_t error; /* of log_error_once() */
};
void reclaim_clear(struct reclaim *reclaim);

/* Looks for dead attachments, unless some of those found before still wait for their DEL.
 */
void reclaim_find(struct reclaim *reclaim);

/* Starts the DEL of the next one that is still dead, if any, in @job, which is free.
 * @plugin: the plugin's configuration. */
void reclaim_start(struct reclaim *reclaim, const char *plugin, struct job *job);

/* Takes the result of the DEL that reclaim_start() has started: its status and output, as
 * job_end() gives them. */
void reclaim_ended(struct reclaim *reclaim, int status, const char *output);

#endif
