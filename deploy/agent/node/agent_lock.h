/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The right to change this node: a lock that one agent at a time holds. Who cleans up asks the
 * holder to give it up, so that nothing is put back behind it.
 */
#ifndef BRIDGE_CNI_AGENT_AGENT_LOCK_H
#define BRIDGE_CNI_AGENT_AGENT_LOCK_H

#include <signal.h>

#include "conf/base/error.h"

#define CLAIM_FILE "agent.lock" /* in plugin/node/node.h's NODE_LOCK_DIR */

/* What the holder gives it up for; it lives on and does nothing more. */
#define CLAIM_SIGNAL SIGUSR1

/* -EAGAIN without an error set: somebody else holds it. Code 5. */
int claim_take(int *ret_fd, struct cni_error *err);

/* Asks the holder, if any, and waits for it. Codes 5; 11: it can't be asked, or doesn't. */
int claim_wrest(int *ret_fd, struct cni_error *err);

#endif
