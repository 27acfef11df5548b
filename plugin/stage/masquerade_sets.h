/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside masquerade_pods.h: the sets, by name, and as text. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_SETS_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_SETS_H

#include "masquerade_pods.h"
#include "plugin/netlink/nf_tables_element.h"

#define MASQUERADE_SET_NAME_MAX 32

/* No packet comes from these: each set has one, IPv4's and IPv6's, for its sentinel. */
#define MASQUERADE_SENTINELS 2
extern const struct ip_prefix masquerade_sentinels[MASQUERADE_SENTINELS];

/* The two sets of a family. */
struct masquerade_sets {
	char pods_name[MASQUERADE_SET_NAME_MAX], own_name[MASQUERADE_SET_NAME_MAX];
	struct nft_set pods, own;
};
void masquerade_sets_name(uint64_t owner, int family, struct masquerade_sets *sets);

#endif
