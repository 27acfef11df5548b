/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's messages about the entries of VXLAN devices, and of no others: a node with
 * hundreds of pods has some hundred messages of neighbours a minute, which the kernel
 * passes over by a filter of the socket (socket(7), SO_ATTACH_FILTER).
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_VXLAN_EVENTS_H
#define BRIDGE_CNI_AGENT_TUNNEL_VXLAN_EVENTS_H

#include <linux/netlink.h>
#include <stdbool.h>

#include "conf/base/addr.h"
#include "conf/base/error.h"

/* Opens a socket that gets no message yet. The caller closes it. Code 101. */
int vxlan_events_open(int *ret_fd, struct cni_error *err);

/* From now on it gets messages of these devices, by their indexes; 0: none. Code 101. */
int vxlan_events_choose(int fd, const unsigned int devices[IP_FAMILIES],
			struct cni_error *err);

/* Hands all messages that have come to @fn. False: some were lost. */
typedef void (*vxlan_event_fn)(const struct nlmsghdr *message, void *data);
bool vxlan_events_take(int fd, vxlan_event_fn fn, void *data);

#endif
