/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose are rules, sets and maps in the tables bridge_cni? */
#ifndef BRIDGE_CNI_PLUGIN_RULES_OWNER_H
#define BRIDGE_CNI_PLUGIN_RULES_OWNER_H

#include "../conf/net_conf.h"

/* The hash that stands in the names of a network's sets and maps and in the comments of its
 * rules. */
uint64_t rules_owner(const struct net_conf *conf);

#endif
