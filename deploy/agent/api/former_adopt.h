/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes up the former podCIDRs that an earlier agent knew, by the routes that it has
 * left. */
#ifndef BRIDGE_CNI_AGENT_API_FORMER_ADOPT_H
#define BRIDGE_CNI_AGENT_API_FORMER_ADOPT_H

#include "node_table.h"
#include "surroundings.h"

/*
 * Takes each held route by the InternalIP of a Node that has another podCIDR for one to a
 * former podCIDR of that Node. Whether the Node had that name before, nobody knows. Code
 * 100.
 */
int former_adopt(struct node_table *nodes, const struct surroundings *around,
		 struct cni_error *err);

#endif
