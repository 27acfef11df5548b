/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the pods of a former podCIDR (former_pods.h) connected for as long as they live
 * and no Node has their podCIDR: when they are looked for, and what is logged of them.
 * Nothing of it is needed after a restart but the routes that the kernel has.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_FORMER_UPKEEP_H
#define BRIDGE_CNI_AGENT_NODE_FORMER_UPKEEP_H

#include "deploy/agent/base/log.h"
#include "former_pods.h"

/* The caller sets the first two fields, which it keeps, and the rest to 0. Times are by
 * now_ms(). */
struct former_upkeep {
	const struct log *log;
	struct netlink *rtnl;
	struct ip_prefix gateways[IP_FAMILIES]; /* of the list that was looked at last */
	struct ip_prefix before[IP_FAMILIES]; /* of that when the interface was there */
	bool began;
	struct former_pods pods; /* of the last look */
	bool again; /* the next look is to compare all with the kernel */
	int64_t watch_until; /* a runtime may still work by the former list */
	int64_t look_at; /* when the next look without a reason is due */
	size_t told, told_cut_off; /* how many there were when they were logged last */
	uint64_t error; /* of log_error_once() */
};
void former_upkeep_clear(struct former_upkeep *upkeep);

/* Tells of the configuration list that an earlier agent has written: its gateways are on
 * the bridge. */
void former_upkeep_found(struct former_upkeep *upkeep, const struct conflist *list);

/* The list was made from @nodes, which were judged, and is about to be written; or the
 * kernel's addresses or routes have changed. */
void former_upkeep_run(struct former_upkeep *upkeep, const struct conflist *list,
		       const struct node_table *nodes);

/* Looks whether such pods have come or gone; it is cheap where there are none. */
void former_upkeep_tick(struct former_upkeep *upkeep, const struct conflist *list,
			const struct node_table *nodes);

/* Adds lines that name the pods, for people; none where there are none. */
void former_upkeep_text(const struct former_upkeep *upkeep, struct text *text);

#endif
