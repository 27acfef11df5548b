/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answers of one switch: a row of the table in switch.c. */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_SWITCH_LIVENESS_H
#define BRIDGE_CNI_PLUGIN_SWITCH_SWITCH_LIVENESS_H

#include "ipam/store/record.h"
#include "plugin/node/node.h"

/* Answers for attachments of one switch, from the node's namespace. Everything that can't
 * be known counts as there. */
struct switch_liveness {
	/* The attachment's interface on the node has the name that follows from its
	 * identity, and the alias that says whose it is. Whoever has a list of the node's
	 * interfaces can answer both questions from that. */
	bool has_host_end;
	/* The attachment's interface is there, or its switch knows it otherwise. */
	bool (*has_interface)(struct node *node, const struct record *record);
	/* It is there under another name that somebody gave it, or set down, which takes
	 * longer to find out. */
	bool (*has_renamed)(struct node *node, const struct record *record);
};

#endif
