/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For nf_tables_tracer.c: the rules by which the packets of a flow are known. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_TRACER_RULES_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_TRACER_RULES_H

#include "flow.h"
#include "netlink.h"

/* The chains of the tables. Two of them say which way a packet goes, by a rule that it
 * meets at the beginning of each hook. The last chain that it meets in a hook says that it
 * came through there. */
#define TRACER_SENT    "sent"
#define TRACER_ANSWER  "answer"
#define TRACER_EARLY   "early_" /* and the hook's name */
#define TRACER_TRACKED "tracked_" /* behind the connection tracking */
#define TRACER_LATE    "late_"

#define TRACER_NAME_MAX 40

/* A table that is made. */
struct tracer {
	struct netlink *nl;
	int family; /* NFPROTO_* */
	char table[TRACER_NAME_MAX];
};

/* Queues the rule that passes redirects of ICMP by. They quote a packet of the flow, and are
 * sent when it goes on, so that nothing hangs on them. */
void tracer_redirects_pass(const struct tracer *tracer, const char *chain,
			   const struct flow *flow);

/* Queues the rules that have the packets of the flow go through the chain TRACER_SENT,
 * or TRACER_ANSWER: by their addresses. */
void tracer_rules_add(const struct tracer *tracer, const char *chain,
		      const struct flow *flow);

/* The same by the connection that a packet is of, or is an error of. */
void tracer_connection_rules_add(const struct tracer *tracer, const char *chain,
				 const struct flow *flow);

/* Queues the rule that has the kernel tell of all packets that come to it. */
void tracer_mark_add(const struct tracer *tracer, const char *chain);

#endif
