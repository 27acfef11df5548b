/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two places where the agent's pages are: --port, for this node, and
 * --metrics-address, for whoever reaches it. */
#ifndef BRIDGE_CNI_AGENT_SERVERS_H
#define BRIDGE_CNI_AGENT_SERVERS_H

#include "conf/base/error.h"

struct agent;

/* Opens --port. Codes 5, 100. */
int servers_open(struct agent *agent, struct cni_error *err);

/* Opens --metrics-address, unless it is open. The log says once why it can't be. */
void servers_open_metrics(struct agent *agent);

/* When there is something to do: milliseconds; -1: not before something comes in. */
int servers_timeout_ms(const struct agent *agent);

/* Answers what has come in, without waiting. */
void servers_run(struct agent *agent);
void servers_close(struct agent *agent);

#endif
