/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quietBridge: what the pod knows of its gateways, and pods that the key doesn't suit. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_QUIET_H
#define BRIDGE_CNI_PLUGIN_STAGE_QUIET_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/* Queues, in the pod, a permanent neighbour for each gateway whose MAC address never
 * changes. The pod's end has to be up by then. */
void quiet_queue_gateways(struct attachment *att);

/* Finds, among the pod's @links, one that sends by the pod's interface @own with another
 * MAC address than that has. NULL: there is none. */
const struct link *quiet_stranger(const struct link_list *links, const struct link *own);

/* Finds the MAC address of one that is in another namespace, as a macvlan of a container in
 * the pod may be. @nl: a connection to the pod. Where there is none @ret_mac isn't set. Code
 * 101. */
int quiet_stranger_elsewhere(struct netlink *nl, const struct link *own,
			     struct mac_addr *ret_mac, struct cni_error *err);

#endif
