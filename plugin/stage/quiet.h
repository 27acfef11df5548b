/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quietBridge: what the pod knows of its gateways. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_QUIET_H
#define BRIDGE_CNI_PLUGIN_STAGE_QUIET_H

#include "plugin/attachment/attachment.h"

/* Queues, in the pod, a permanent neighbour for each gateway whose MAC address never
 * changes. The pod's end has to be up by then. */
void quiet_queue_gateways(struct attachment *att);

#endif
