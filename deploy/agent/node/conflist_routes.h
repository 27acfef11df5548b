/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MTU of the pods' routes in the node's network configuration list. A tunnel between
 * nodes takes smaller packets than the pods' interfaces do, so routes that lead out of
 * the node get a smaller MTU.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_CONFLIST_ROUTES_H
#define BRIDGE_CNI_AGENT_NODE_CONFLIST_ROUTES_H

#include <stdint.h>

#include "conf/base/addr.h"
#include "conf/base/error.h"

struct json_doc;

/*
 * Gives the routes of @list's first plugin at most the MTU @mtu, in bytes, and the size
 * of TCP segments that goes with it. Where that plugin is the default gateway, a default
 * route is added for each family of @cidrs that has none; they are the node's podCIDRs,
 * by family (0: none). Routes inside of these stay as they are. Where the pods'
 * interfaces have no larger MTU, the list stays as it is. Codes 7: a key that is read
 * here is wrong; 100. After an error @list is changed in part.
 */
int conflist_routes_limit(struct json_doc *list, const struct ip_prefix *cidrs,
			  uint32_t mtu, struct cni_error *err);

#endif
