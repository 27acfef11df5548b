/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subnets of range sets, over which the rules of ipMasq are written. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_SUBNETS_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_SUBNETS_H

#include "conf/network.h"

/* The range sets that every ADD on the network is told of, without those that a runtime
 * asked for. The network keeps them. */
struct range_set_list masquerade_fixed_sets(const struct network *network);

/* How many prefixes masquerade_subnets_add() adds at most, of both families. */
size_t masquerade_subnets_max(const struct range_set_list *sets);

/* Adds the subnets of that family (AF_INET, AF_INET6) to @list, which has room for
 * them. */
void masquerade_subnets_add(const struct range_set_list *sets, int family,
			    struct prefix_list *list);

/* Adds @prefix to @list, which has room for it. An nft set wants each address named once:
 * of two prefixes that overlap the wider one stays. */
void masquerade_prefix_add(struct prefix_list *list, const struct ip_prefix *prefix);

/*
 * Adds the destinations of that family that see a pod's own address, and grows the list:
 * multicast, the subnets of @sets, which are the pod's, and of the network, and what the
 * configuration names. -ENOMEM.
 */
int masquerade_kept_add(const struct network *network, const struct range_set_list *sets,
			int family, struct prefix_list *list);

#endif
