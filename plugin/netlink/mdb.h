/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bridge's entries that say behind which ports the members of an IPv6 multicast group are,
 * over rtnetlink. See bridge(8), linux/if_bridge.h. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_MDB_H
#define BRIDGE_CNI_PLUGIN_NETLINK_MDB_H

#include <stdbool.h>

#include "conf/base/addr.h"
#include "netlink.h"

/* A port of a bridge, by their indices. */
struct mdb_port {
	unsigned int bridge, port;
	const char *name; /* of the port, for errors */
};

/* Queues an entry that stays as long as the port: a member of @group is behind it. -EEXIST:
 * there is one, perhaps of a member's own report. -E2BIG: the bridge has no room, and sends
 * all multicast frames to all ports from now on. */
void queue_mdb_add(struct netlink *nl, const struct mdb_port *port,
		   const struct ip_addr *group);
/* Refused with -ENOENT or -EINVAL where there is none. */
void queue_mdb_del(struct netlink *nl, const struct mdb_port *port,
		   const struct ip_addr *group);

enum mdb_state {
	MDB_NONE,
	MDB_REPORTED, /* it goes when no member reports any more */
	MDB_STAYS,
};

/* Finds the entry of @group for this port. Code 101. */
int mdb_find(struct netlink *nl, const struct mdb_port *port, const struct ip_addr *group,
	     enum mdb_state *ret_state, struct cni_error *err);

#endif
