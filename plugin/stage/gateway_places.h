/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places of gateway addresses. A stranger is an address on the gateway's interface that
 * is no gateway of the network; it may be in the place of one that is missing. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_PLACES_H
#define BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_PLACES_H

#include "gateway.h"
#include "plugin/netlink/addr.h"

static inline struct ip_prefix gateway_prefix(const struct ip_config *ip)
{
	return (struct ip_prefix){ip->gateway, ip->address.len};
}

/* Picks the strangers from @list, which are all addresses of the gateway's interface.
 * Codes 5, 11. */
int gateway_strangers(struct attachment *att, const struct addr_list *list,
		      struct addr_list *ret_strangers, struct cni_error *err);

/* Is the gateway of @ip, one of @att's addresses, to be added to what is in @list? False
 * also where it has none. */
bool gateway_is_missing(const struct attachment *att, const struct ip_config *ip,
			const struct addr_list *list);

/* Finds the gateway that is missing in @list and whose place the stranger has; NULL: the
 * stranger is in nobody's way. */
const struct ip_config *gateway_displaced(const struct attachment *att,
					  const struct addr_list *list,
					  const struct ip_prefix *stranger);

/* May the missing gateways be added? GATEWAY_OUTDATED. Code 103 (-EADDRINUSE): a stranger
 * is in the way and may not be removed, or the subnet of a missing gateway is elsewhere
 * on the node. Codes 5, 11, 101. */
int gateway_places_check(struct attachment *att, const struct addr_list *list,
			 const struct addr_list *strangers, struct cni_error *err);

#endif
