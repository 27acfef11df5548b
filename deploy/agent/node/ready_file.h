/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that new pods wait for where the configuration has the key waitForAgent. It is
 * in a directory that is empty after a boot: the configuration is not, and so a runtime
 * could start pods before this agent has made any route.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_READY_FILE_H
#define BRIDGE_CNI_AGENT_NODE_READY_FILE_H

#include "conf/base/error.h"

/* Makes it; that it is there is success. Code 5. */
int ready_file_make(struct cni_error *err);

/* Removes it; that there is none is success. Code 5. */
int ready_file_remove(struct cni_error *err);

#endif
