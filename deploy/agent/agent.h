/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent of one node: it installs the plugin, writes the configuration, keeps routes
 * to other nodes, heals, reclaims. It has one thread: each part does something short when
 * it is due, and child processes do what takes long.
 */
#ifndef BRIDGE_CNI_AGENT_AGENT_H
#define BRIDGE_CNI_AGENT_AGENT_H

#include "state.h"

/*
 * Opens what the agent needs; SIGTERM, SIGINT and AGENT_LOCK_SIGNAL are blocked from then
 * on. @options and @log must outlive it. agent_close() is to be called after an error,
 * too. Codes 5, 100, 101.
 */
int agent_open(struct agent *agent, const struct options *options, const struct log *log,
	       struct cni_error *err);

/* Waits for the agent lock, then works until SIGTERM or SIGINT comes. */
void agent_run(struct agent *agent);

void agent_close(struct agent *agent);

#endif
