/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules for addresses and podCIDRs that hold on every node. */
#ifndef BRIDGE_CNI_AGENT_API_PREFIX_RULES_H
#define BRIDGE_CNI_AGENT_API_PREFIX_RULES_H

#include "conf/network.h"
#include "range_verdict.h"

enum in_cluster {
	CLUSTER_INSIDE,
	CLUSTER_OUTSIDE,
	CLUSTER_UNSET, /* --cluster-cidr has none of this family */
};

/* @cluster: --cluster-cidr. */
enum in_cluster prefix_in_cluster(const struct prefix_list *cluster,
				  const struct ip_prefix *prefix);

/* Can a host have this address? */
bool prefix_is_host(const struct ip_addr *addr);

/* RANGE_ACCEPTED: it is one that pods can have. */
enum range_verdict prefix_verdict(const struct prefix_list *cluster,
				  const struct ip_prefix *cidr);

#endif
