/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pod is apart where the rules over the network's subnets would not masquerade it as
 * its record says. A pod keeps what its record says: whether it is masqueraded at all,
 * and that its own subnet sees its address. The configuration of now decides about all
 * else, and about pods of an earlier version, whose records don't say.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_APART_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_APART_H

#include "masquerade_sets.h"

/*
 * Finds those that are apart among the owner's connected pods, by their records. With
 * another IPAM plugin all masqueraded pods are. @found: the rules that are there, or will
 * be. Under the exclusive lock. Codes 5, 11, 100.
 */
int masquerade_apart_find(struct attachment *att, const struct rule_list *found,
			  bool repairs, struct masquerade_pods *ret_pods,
			  struct cni_error *err);

#endif
