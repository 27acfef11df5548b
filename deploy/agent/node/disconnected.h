/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pods that were disconnected while they ran, and whose runtime has not deleted them yet.
 * They have no record any more, so a file tells of them: /run/bridge-cni/disconnected,
 * which ends with the boot, as the pods do. It stays where the node is to keep its
 * network after all: they may still be there when that is uninstalled another time.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_DISCONNECTED_H
#define BRIDGE_CNI_AGENT_NODE_DISCONNECTED_H

#include "pod_names.h"

/* Writes a pod down, by its name and the path of its network namespace. Codes 5, 100. */
int disconnected_add(const char *name, const char *netns, struct cni_error *err);

/* Adds the names of those whose namespace is still there. Codes 5, 100. */
int disconnected_find(struct pod_names *pods, struct cni_error *err);

/* Forgets all of them. Code 5. */
int disconnected_forget(struct cni_error *err);

#endif
