/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps a node table as the cluster has it, by list and watch of the API server's
 * /api/v1/nodes: what client-go calls a reflector. Pages, bookmarks, resource versions
 * that have become too old, connections that break and servers that are away are its
 * business alone; none of them ever empties the table, nor does a list that lacks this
 * node, unless the server goes on to say so. See the Kubernetes documentation,
 * "API concepts".
 */
#ifndef BRIDGE_CNI_AGENT_API_REFLECTOR_H
#define BRIDGE_CNI_AGENT_API_REFLECTOR_H

#include "deploy/agent/base/log.h"
#include "node_table.h"
#include "transport.h"

#define LIST_PAGE_NODES 500 /* how many Nodes are asked for at once */

struct reflector_spec {
	struct transport_spec transport;
	unsigned int retry_max_ms; /* the longest pause between attempts */
	unsigned int watch_seconds; /* how long a watch may last; half more by chance */
	const char *own_node; /* a list without it is not believed at once */
	size_t max_nodes; /* how many Nodes are kept */
	struct annotation_names annotations; /* of each Node that are read */
};

struct reflector_state {
	bool listed; /* the table has been complete once */
	bool watching; /* a watch is open */
	uint64_t lists, events, failures, skipped; /* since the start */
	size_t beyond; /* Nodes that are left out (node_feed.h) */
	int64_t contact_ms; /* contact_heard_ms() */
};

struct reflector;

/* Nothing is sent yet. @spec, what it points to, @nodes and @log must outlive it. Code
 * 100. */
int reflector_open(const struct reflector_spec *spec, struct node_table *nodes,
		   const struct log *log, struct reflector **ret_reflector,
		   struct cni_error *err);
void reflector_close(struct reflector *reflector);

/*
 * Waits as transport_wait() does; then takes what the server has said, and starts the
 * next request when its time has come. True: the table has changed, or has become
 * complete for the first time.
 */
bool reflector_wait(struct reflector *reflector, struct pollfd *fds, size_t n,
		    int timeout_ms);

const struct reflector_state *reflector_state(struct reflector *reflector);

#endif
