/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This node's surroundings (surroundings.h), as the kernel has them. */
#ifndef BRIDGE_CNI_AGENT_NODE_SURROUNDINGS_READ_H
#define BRIDGE_CNI_AGENT_NODE_SURROUNDINGS_READ_H

#include "deploy/agent/api/surroundings.h"
#include "plugin/netlink/netlink.h"

struct surroundings_spec {
	const char *bridge; /* the pods' bridge, whose addresses are theirs */
	const struct prefix_list *cluster; /* --cluster-cidr */
	const struct ip_addr *api_server; /* IP_FAMILIES of them; family 0: not known */
};

/*
 * Reads addresses and gateways. @held: podCIDRs that the agent's own routes lead to are
 * added, too. The caller clears @ret_around, which is settled. Codes 100, 101.
 */
int surroundings_read(struct netlink *nl, const struct surroundings_spec *spec, bool held,
		      struct surroundings *ret_around, struct cni_error *err);

#endif
