/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may take long goes on without the node lock. */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_UNLOCKED_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_UNLOCKED_H

#include "attachment.h"

/* The node lock is given back for @run, and @lock is taken afterwards, whatever @run
 * says. What was true before has to be looked at again. Code 11, and @run's. */
int unlocked_run(struct attachment *att, enum node_lock lock,
		 int (*run)(struct attachment *att, struct cni_error *err),
		 struct cni_error *err);

/* A DEL of the same attachment may have come by, or the pod or the bridge gone: code 11,
 * with @meanwhile ("the IPAM plugin dhcp ran"). */
int unlocked_check(struct attachment *att, const char *meanwhile, struct cni_error *err);

#endif
