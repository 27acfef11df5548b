/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the routes to the other nodes' pods right (routes.h): when they are compared with
 * the kernel's, what is logged of it, and what metrics tell.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_ROUTE_UPKEEP_H
#define BRIDGE_CNI_AGENT_NODE_ROUTE_UPKEEP_H

#include "deploy/agent/base/log.h"
#include "routes.h"

/* How many nodes without a route are named by metrics. */
#define UNROUTED_NODES_MAX 256

struct unrouted_node {
	char node[NODE_NAME_MAX + 1];
	struct ip_prefix cidr; /* family 0: it has none */
	enum route_problem problem;
};

/* route_upkeep_open() sets all of it. */
struct route_upkeep {
	struct netlink *rtnl; /* borrowed */
	const struct log *log;
	const char *own_node; /* this node's name */
	struct routes_known known[IP_FAMILIES];
	int64_t due_at; /* by now_ms(); INT64_MAX: nothing is due */
	bool right; /* all went well the last time */
	bool asked; /* the last time the kernel was asked for its routes */
	struct routes_done done; /* of the last time */
	struct unrouted_node *unrouted; /* of the last time */
	size_t n_unrouted;
	uint64_t unrouted_hash; /* of those that were logged last */
	uint64_t syncs, changes; /* since the start */
	uint64_t error; /* of log_error_once() */
	uint64_t admit_error; /* the same of route_upkeep_admit() */
	uint64_t seal_error; /* the same of route_upkeep_seal() */
	bool open; /* route_upkeep_unseal() has left no sealed routes */
	bool sealed; /* the last route_upkeep_seal() has succeeded */
	uint64_t sealed_hash; /* of the prefixes that it was given */
};

/* Strings and connections are borrowed. Code 100. */
int route_upkeep_open(struct route_upkeep *upkeep, struct netlink *rtnl,
		      const struct log *log, const char *own_node, struct cni_error *err);
void route_upkeep_close(struct route_upkeep *upkeep);

/* The kernel's routes may be others than is known: it is asked the next time. */
void route_upkeep_stale(struct route_upkeep *upkeep);

/* The kernel has told of a change: the routes are due in a moment, in which more may
 * come. */
void route_upkeep_soon(struct route_upkeep *upkeep);

/* Makes the kernel's routes be those to @nodes, by @plan's tunnels where it is not NULL.
 * After an error they are due again. */
void route_upkeep_run(struct route_upkeep *upkeep, const struct node_table *nodes,
		      const struct tunnel_plan *plan);

/*
 * Makes sealed routes (sealed_routes.h) to the pods of @nodes and to what @whole has, so
 * that packets to them leave this node by a route of route_upkeep_run() or not at all. A
 * prefix of @whole with a Node's InternalIP or with something that @around protects in it
 * gets none, as those are reached by other routes. False: something failed, and was logged.
 */
bool route_upkeep_seal(struct route_upkeep *upkeep, const struct node_table *nodes,
		       const struct prefix_list *whole,
		       const struct surroundings *around);

/* Lets new pods onto the node that wait for these routes (ready_file.h). False: that
 * failed, and was logged. */
bool route_upkeep_admit(struct route_upkeep *upkeep);

/* Removes the sealed routes of an earlier agent, and the file that new pods wait for.
 * False: that failed, and was logged. */
bool route_upkeep_unseal(struct route_upkeep *upkeep);

#endif
