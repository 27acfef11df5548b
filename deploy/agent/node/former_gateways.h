/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gateways of former podCIDRs on the node's bridge. Such a gateway stands alone there, as
 * /32 or /128, and the node has a route to each pod of it: the whole former podCIDR may
 * be another node's by now. The routes have the agent's protocol number, and the gateway
 * as their source. So the routes alone tell which addresses of the bridge are of this
 * kind.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_FORMER_GATEWAYS_H
#define BRIDGE_CNI_AGENT_NODE_FORMER_GATEWAYS_H

#include "former_pods.h"

#define FORMER_GATEWAYS_BEFORE 2

struct former_gateways {
	const char *ifname; /* the bridge, or its interface in a VLAN; "": none */
	/* Pods of a former podCIDR. An address that no other Node has taken keeps its
	 * gateway and its route; all other gateways and routes of this kind go. */
	const struct former_address_list *addresses;
	/* By family, with the podCIDR's length, or family 0: the gateway of this node,
	 * which is never touched, and those before, which go with their subnets. */
	const struct ip_prefix *present, *before[FORMER_GATEWAYS_BEFORE];
};

/* An outcome of former_gateways_sync(): somebody else changes the same meanwhile. */
#define FORMER_GATEWAYS_AGAIN 1

/* Makes addresses and routes be so. FORMER_GATEWAYS_AGAIN. Codes 100, 101. */
int former_gateways_sync(struct netlink *nl, const struct former_gateways *wanted,
			 struct cni_error *err);

/* Removes all of them, once no pod is left. Codes 100, 101. */
int former_gateways_remove(struct netlink *nl, const char *ifname, struct cni_error *err);

#endif
