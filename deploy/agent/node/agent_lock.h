/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent lock: only the process that holds it changes this node. An agent holds it
 * while it works. A cleanup asks the agent that holds the lock to give it up, so that
 * nothing is put back behind the cleanup. It is not the plugin's node lock
 * (plugin/node/node.h).
 */
#ifndef BRIDGE_CNI_AGENT_NODE_AGENT_LOCK_H
#define BRIDGE_CNI_AGENT_NODE_AGENT_LOCK_H

#include <signal.h>

#include "conf/base/error.h"

#define AGENT_LOCK_FILE "agent.lock" /* in NODE_LOCK_DIR of plugin/node/node.h */

/*
 * The signal at which an agent gives the lock up. It then lives on and does nothing more,
 * so that its pod isn't started again.
 */
#define AGENT_LOCK_SIGNAL SIGUSR1

/* An outcome of agent_lock_take(): another process holds the lock. */
#define AGENT_LOCK_HELD 1

/*
 * Takes the lock if nobody holds it; *@ret_fd, when closed, gives it up. Code 5.
 */
int agent_lock_take(int *ret_fd, struct cni_error *err);

/*
 * Takes the lock, and asks the agent that holds it, if any, to give it up; waits for up
 * to 30 seconds. Codes 5; 11: the agent can't be asked, or doesn't give it up.
 */
int agent_lock_take_over(int *ret_fd, struct cni_error *err);

#endif
