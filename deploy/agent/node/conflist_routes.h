/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pods' routes in the node's network configuration list, where they have an MTU of
 * their own: what a tunnel between nodes takes is less than what the pods' interfaces do.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_CONFLIST_ROUTES_H
#define BRIDGE_CNI_AGENT_NODE_CONFLIST_ROUTES_H

#include <stdint.h>

#include "conf/base/addr.h"
#include "conf/base/error.h"

struct json_doc;

/*
 * Has the routes of @list's first plugin have at most the MTU @mtu, in bytes, and the TCP
 * segments that go with it. Where that plugin is the default gateway, a default route is
 * added for each family of @cidrs that has none; they are the node's podCIDRs, by family
 * (0: none). Routes inside of these stay as they are, and so does the list where the pods
 * themselves have no larger MTU. Codes 7: a key of what is read here is wrong; 100. After
 * an error @list is changed in part.
 */
int conflist_routes_limit(struct json_doc *list, const struct ip_prefix *cidrs,
			  uint32_t mtu, struct cni_error *err);

#endif
