/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isGateway: what the stage (gateway.c) and STATUS ask of gateway_addresses.c. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_H
#define BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_H

#include "plugin/attachment/attachment.h"

/* Has one of the attachment's addresses a gateway of that family? */
bool gateway_uses(const struct attachment *att, int family);

/* Outcomes that are no errors. */
enum gateway_outcome {
	GATEWAY_ADDED = 1, /* a gateway address was missing, and is added */
	/* Repair only: the address that is missing is of an earlier configuration, and an
	 * address of the present one has its place. Nothing is changed. */
	GATEWAY_OUTDATED,
};

/*
 * Sees to it that the gateway addresses of @att->ipam are on @att->gateway_ifname, and
 * that the node has a route by it to the subnet of a link-local one. Takes the exclusive
 * lock where something is missing. GATEWAY_ADDED, GATEWAY_OUTDATED. Code 103
 * (-EADDRINUSE): another address is in the place of one that is missing, or the subnet is
 * elsewhere on the node. Codes 5, 11, 101.
 */
int gateway_addresses_ensure(struct attachment *att, struct cni_error *err);

/* CHECK: are those addresses and routes there? Code 104 if not; 101. */
int gateway_addresses_check(struct attachment *att, struct cni_error *err);

/* STATUS: would gateway_addresses_ensure() refuse? Changes nothing. @att->gateway_index
 * 0: there is no bridge yet. The same codes. */
int gateway_addresses_status(struct attachment *att, struct cni_error *err);

#endif
