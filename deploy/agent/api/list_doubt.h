/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decides whether a list of Nodes is believed that lacks this node, and may lack all
 * others. A server that has lost its data, or has just started, gives such a list, too.
 * Nothing is removed until the server has given it for a while.
 */
#ifndef BRIDGE_CNI_AGENT_API_LIST_DOUBT_H
#define BRIDGE_CNI_AGENT_API_LIST_DOUBT_H

#include "node_feed.h"

/* When a list came that was not believed; 0: the last one was. */
struct list_doubt {
	int64_t since;
};

/* Tells whether the list that has just ended is believed. The log has it, too: a warning
 * where a list had been complete before (@listed), as a new node's Node may be made a
 * moment later. */
bool list_doubt_believes(struct list_doubt *doubt, const struct node_feed *feed,
			 bool listed);

#endif
