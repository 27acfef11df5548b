/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For hops_rules.c: whose the rules are that have dropped a packet of the flow, and what
 * lets it through. */
#ifndef BRIDGE_CNI_PLUGIN_TRACE_DROP_MEND_H
#define BRIDGE_CNI_PLUGIN_TRACE_DROP_MEND_H

#include "plugin/doctor/firewall_seen.h"
#include "way.h"

/* " (Docker's)", by how the chain or its table is named; "": it isn't known. */
const char *drop_whose(const struct firewall_seen *seen);

/* Gives the finding that was told last what lets the packet through. @event: the drop. */
void drop_mend(struct doctor *doctor, const struct way *way,
	       const struct trace_event *event, const struct firewall_seen *seen);

#endif
