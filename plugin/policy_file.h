/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the node's policy (conf/policy.h), and asks it about an operation. */
#ifndef BRIDGE_CNI_PLUGIN_POLICY_FILE_H
#define BRIDGE_CNI_PLUGIN_POLICY_FILE_H

#include "plugin/attachment/operation.h"

/*
 * Asks whether an ADD, or the ADDs that a STATUS asks for, are allowed: code 7. Other
 * operations are never refused, as pods must be able to go whatever the policy says by
 * now; nor is loopback, whose interface reaches nobody. A policy that can't be read, that others than root may write to, or that isn't
 * right refuses all: codes 5, 7. Sets the operation's rule. Without a file there is no
 * rule.
 */
int policy_ask(struct operation *op, const struct request *request,
	       struct cni_error *err);

/* Decides whether the operation's log may be written to logFile, whatever the operation
 * and also where its configuration isn't right. Comes after policy_ask(), if that is
 * called. */
void policy_ask_log(struct operation *op, const struct request *request);

#endif
