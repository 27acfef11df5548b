/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface that the pods of a macvlan or an ipvlan network share. */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_MACVLAN_MASTER_H
#define BRIDGE_CNI_PLUGIN_SWITCH_MACVLAN_MASTER_H

#include "conf/network.h"
#include "plugin/netlink/link.h"

/*
 * Finds the master: the interface that the configuration names, or @other, or where that
 * is "" the interface of the default route. @nl: a connection to the namespace that it is
 * in. Code 11 where it isn't there, and 101.
 */
int macvlan_master_get(struct netlink *nl, const struct network *network,
		       const char *other, struct link *ret_master, struct cni_error *err);

/* Is the master known before a pod is? Not where it is in the pod, or where an earlier
 * plugin of the list is to name it. */
bool macvlan_master_is_known(const struct network *network);

#endif
