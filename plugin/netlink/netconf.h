/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameters of all interfaces together, over rtnetlink. The files of /proc/sys have
 * the same values, but the kernel looks one up there among the files of all network
 * namespaces that have been looked at: with 1,000 pods that takes it half a millisecond.
 */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NETCONF_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NETCONF_H

#include <stdbool.h>

#include "netlink.h"

/* The outcome where the kernel has nothing of the family. */
#define NETCONF_ABSENT 1

/* Does the node forward? That is net.ipv4.ip_forward, or net.ipv6.conf.all.forwarding.
 * NETCONF_ABSENT, or code 101. */
int netconf_forwarding_get(struct netlink *nl, int family, bool *ret_on,
			   struct cni_error *err);

#endif
