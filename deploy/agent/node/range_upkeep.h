/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the verdicts on podCIDRs (pod_ranges.h) up to date: when the surroundings are
 * read again, what is logged of refused podCIDRs, and what pages tell of them.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_RANGE_UPKEEP_H
#define BRIDGE_CNI_AGENT_NODE_RANGE_UPKEEP_H

#include "conflist.h"
#include "deploy/agent/api/pod_ranges.h"
#include "deploy/agent/base/log.h"
#include "plugin/netlink/netlink.h"

/* How many refused podCIDRs of other nodes are named by metrics. */
#define REFUSED_RANGES_MAX 256
#define REFUSED_RANGES_ALL (REFUSED_RANGES_MAX + IP_FAMILIES) /* with this node's own */

struct refused_range {
	char node[NODE_NAME_MAX + 1];
	struct ip_prefix cidr;
	enum range_verdict why;
	/* A hash of all this and of what is in the way: it tells whether it was
	 * logged. */
	uint64_t hash;
};

/* range_upkeep_open() sets all of it. */
struct range_upkeep {
	struct netlink *rtnl; /* borrowed */
	const struct log *log;
	const struct options *options;
	const struct network_names *network;
	/* How the API server was reached last, by family; family 0: not known. */
	struct ip_addr api_server[IP_FAMILIES];
	struct surroundings around;
	bool stale; /* @around is to be read again */
	bool judged; /* podCIDRs were judged since @around was read */
	bool began; /* podCIDRs were judged once: the table says what was in use before */
	/* This node's podCIDRs, by the configuration that was found at the start. */
	struct ip_prefix own_before[IP_FAMILIES];
	struct refused_range *refused; /* of the last time */
	size_t n_refused, n_others; /* all of them, and other nodes' */
	uint64_t *logged; /* hashes of those that were refused the time before */
	size_t n_logged, n_lines;
	size_t counts[RANGE_VERDICTS]; /* refused podCIDRs, by reason */
	/* Where this node's podCIDR isn't used, the text says what the agent waits for;
	 * "": the podCIDR is used, or the node has none. */
	char own[512];
	uint64_t error; /* of log_error_once() */
};

/* Strings and connections are borrowed. Code 100. */
int range_upkeep_open(struct range_upkeep *upkeep, struct netlink *rtnl,
		      const struct log *log, const struct options *options,
		      const struct network_names *names, struct cni_error *err);
void range_upkeep_close(struct range_upkeep *upkeep);

/* Tells of the configuration list that an earlier agent has written: its podCIDRs are in
 * use on this node. */
void range_upkeep_found(struct range_upkeep *upkeep, const struct conflist *list);

/*
 * Removes routes of an earlier agent that lead away what this node needs, before the API
 * server is asked for anything; what goes wrong is logged.
 */
void range_upkeep_start(struct range_upkeep *upkeep);

/*
 * The API server is about to be reached by this address: routes of the agent that cover
 * it go at once. True: it is another address than before, so that podCIDRs are to be
 * judged again.
 */
bool range_upkeep_server(struct range_upkeep *upkeep, const struct ip_addr *addr);

/* The node's addresses or somebody else's routes have changed. */
void range_upkeep_stale(struct range_upkeep *upkeep);

/* Judges all podCIDRs. False: the node could not be read or memory ran out, which is
 * logged; then the verdicts are not to be used. */
bool range_upkeep_run(struct range_upkeep *upkeep, struct node_table *nodes);

#endif
