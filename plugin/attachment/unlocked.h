/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work that may take long is done without the node lock. */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_UNLOCKED_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_UNLOCKED_H

#include "attachment.h"

/*
 * Gives the node lock back, runs @run, and takes the lock @lock, whether @run fails or
 * not. The caller has to look again at what was true before. Code 11, and the errors of
 * @run.
 */
int unlocked_run(struct attachment *att, enum node_lock lock,
		 int (*run)(struct attachment *att, struct cni_error *err),
		 struct cni_error *err);

/*
 * Looks whether the attachment is still as it was. A DEL of it may have run, or the pod
 * or the bridge may be gone: code 11, with a message that has @meanwhile ("the IPAM
 * plugin dhcp ran").
 */
int unlocked_check(struct attachment *att, const char *meanwhile, struct cni_error *err);

#endif
