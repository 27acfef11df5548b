/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's messages of changes that may concern the node's routes. The routes are
 * read again only when such a message has come: with 5,000 nodes that is reading 5,000
 * routes.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_ROUTE_EVENTS_H
#define BRIDGE_CNI_AGENT_NODE_ROUTE_EVENTS_H

#include "routes_known.h"

/* Opens a socket in this network namespace, which is readable when a message has come;
 * the caller closes it. Code 101. */
int route_events_open(int *ret_fd, struct cni_error *err);

/*
 * Takes all messages that have come. True: the routes are to be read again, since
 * - a route of the main table that isn't link-local came or went; one of the agent's
 *   counts where that is news to @known (by family), and those that lead to no node's
 *   pods only when they go;
 * - an address came or went, or an interface other than a pod's veth changed;
 * - or so much happened that messages were lost.
 */
bool route_events_take(int fd, const struct routes_known known[IP_FAMILIES]);

#endif
