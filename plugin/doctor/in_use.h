/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose an interface is, and whether it is in use: no command takes such a one away. */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_IN_USE_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_IN_USE_H

#include "known.h"
#include "plugin/netlink/link.h"

/* Is it a network's bridge, or has its gateway, by a configuration that was read? */
bool ifname_is_networks(const struct doctor *doctor, const char *ifname);

/* Is it one of the node agent's tunnels? It has an address of the node's podCIDR. */
bool link_is_agents_tunnel(const struct link *link);

/*
 * Is the interface this program's: by its alias, by that of one of its ports, or by what
 * the stores of the networks, or the default one, tell? @ret_network: the name of a
 * network that has pods there, or "": none is known. What can't be seen tells nothing.
 */
bool link_is_this_programs(const struct doctor *doctor, const struct link *link,
			   char ret_network[LINK_ALIAS_MAX]);

/* May pods, or others, use the interface? It has our alias, or a port that is up. @nl: a
 * NETLINK_FOR_ROUTE connection. True where that can't be seen. */
bool link_in_use(struct netlink *nl, const struct link *link);

#endif
