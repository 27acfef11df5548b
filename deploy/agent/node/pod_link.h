/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How pods are linked (the key podLink): bridged, or routed. A bridge has pods of one
 * kind only. So where the option asks for the other kind, the node goes on as it is until
 * no pod is connected any more, and then changes over.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_POD_LINK_H
#define BRIDGE_CNI_AGENT_NODE_POD_LINK_H

#include "bridge_nf.h"
#include "conflist.h"
#include "deploy/agent/base/log.h"
#include "pod_names.h"

/* The caller sets the first five fields, which it keeps, and the rest to 0. */
struct pod_link {
	const struct network_names *network;
	const struct log *log;
	struct netlink *rtnl;
	struct conflist_kept *kept; /* has the node's kind, which is changed here */
	struct bridge_nf nf;
	struct pod_names left; /* whom a change waits for; none: no change is waiting */
	struct pod_names_told told;
	/* A pod that is connected in the other way, because of which new pods are
	 * refused; "": there is none. */
	char other[POD_NAME_MAX];
	unsigned int other_index; /* its port's, as the last look found it; 0: none */
	uint64_t error; /* of log_error_once() */
};

/* Takes the node's kind from the pods that are connected, where there is no configuration
 * list that tells it. */
void pod_link_adopt(struct pod_link *link);

/*
 * Keeps the kernel parameters right, and looks whether a change to the kind that is
 * @asked for can be made; unset: the node's own is right. It is made only if @may_change:
 * a configuration list can be made next. True: it was made; the list is to follow.
 */
bool pod_link_keep(struct pod_link *link, enum option_choice asked, bool may_change);

/*
 * Looks for a pod that is connected in the other way: its ADD began before the link
 * changed and ended behind that. One that two looks have found is logged, once.
 */
void pod_link_look(struct pod_link *link);

#endif
