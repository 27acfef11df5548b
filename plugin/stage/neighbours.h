/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Permanent neighbours of a routed or quiet pod on the gateway's interface, for those who
 * send other messages in the same moment anyway. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_NEIGHBOURS_H
#define BRIDGE_CNI_PLUGIN_STAGE_NEIGHBOURS_H

#include "plugin/attachment/attachment.h"

/* ADD, port.c: queues them, unless the gateway's interface gets its IPv6 later on.
 * neighbours_add() then makes them. */
void neighbours_queue(struct attachment *att);

/* DEL, links.c: queues the removal of those that the record names and that have the pod's
 * MAC address. @ret_n: how many are queued. Code 101. */
int neighbours_queue_del(struct attachment *att, size_t *ret_n, struct cni_error *err);

#endif
