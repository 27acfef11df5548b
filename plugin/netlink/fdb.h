/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bridge's entries that say behind which port a MAC address is, over rtnetlink. See
 * bridge(8), linux/neighbour.h. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_FDB_H
#define BRIDGE_CNI_PLUGIN_NETLINK_FDB_H

#include "conf/base/addr.h"
#include "netlink.h"

/* Queues an entry that stays: @mac is behind the port @index, named @name, whatever other
 * ports send. It goes with the port. One that the bridge has of this address is replaced. */
void queue_fdb_add(struct netlink *nl, unsigned int index, const char *name,
		   const struct mac_addr *mac);

/* Is there such an entry for the port? Code 101. */
int fdb_is_fixed(struct netlink *nl, unsigned int index, const struct mac_addr *mac,
		 bool *ret_fixed, struct cni_error *err);

#endif
