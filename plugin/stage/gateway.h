/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isGateway: between gateway.c, STATUS and gateway_addresses.c. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_H
#define BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_H

#include "plugin/attachment/attachment.h"

/* Has the attachment a gateway of that family? */
bool gateway_uses(const struct attachment *att, int family);

/*
 * The gateway addresses of @att->ipam are on @att->gateway_ifname, and the node sends to the
 * subnet of a link-local one by it; takes the exclusive lock where something is missing. 1: an
 * address was. Codes 101; 103 (-EADDRINUSE): another address is in the place of one that is
 * missing, or its subnet is elsewhere on the node (without an error set: see
 * gateway_places_check()); 5, 11.
 */
int gateway_addresses_ensure(struct attachment *att, struct cni_error *err);

/* Code 104. */
int gateway_addresses_check(struct attachment *att, struct cni_error *err);

/* Would gateway_addresses_ensure() refuse them? Changes nothing; without @att->gateway_index
 * there is no bridge yet. The same codes. */
int gateway_addresses_status(struct attachment *att, struct cni_error *err);

#endif
