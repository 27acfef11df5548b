/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps a node table as the cluster has it, by list and watch of the API server's
 * /api/v1/nodes: what client-go calls a reflector. Pages, bookmarks, resource versions
 * that have become too old, connections that break and servers that are away are its
 * business alone; none of them ever empties the table, nor does a list that lacks this
 * node, unless the server goes on to say so. See the Kubernetes documentation,
 * "API concepts". Between two watches it also patches this node's own annotations, where
 * that is wished.
 */
#ifndef BRIDGE_CNI_AGENT_API_REFLECTOR_H
#define BRIDGE_CNI_AGENT_API_REFLECTOR_H

#include "annotation_patch.h"
#include "deploy/agent/base/log.h"
#include "node_table.h"
#include "transport.h"

struct reflector_spec {
	struct transport_spec transport;
	unsigned int retry_max_ms; /* the longest pause between attempts */
	unsigned int watch_seconds; /* how long a watch may last; half more by chance */
	const char *own_node; /* a list without it is not believed at once */
	size_t max_nodes; /* how many Nodes are kept */
	struct annotation_names annotations; /* of each Node that are read */
	/* The manifest that lets the service account patch its Node, for messages; NULL
	 * where reflector_annotate() isn't called. */
	const char *patch_rights;
};

struct reflector_state {
	bool listed; /* the table has been complete once */
	bool watching; /* a watch is open */
	uint64_t lists, events, failures, skipped; /* since the start */
	size_t beyond; /* Nodes that are left out (node_feed.h) */
	int64_t contact_ms; /* contact_heard_ms() */
	bool annotated; /* the own Node is as wished, or nothing is wished */
	uint64_t patches, patch_failures; /* that were taken, and those that failed */
	const char *patch_refused; /* why the server refuses patches; "": it doesn't */
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

/*
 * Sets what the annotations of this node's own Node are to be; the strings are copied.
 * Each name is one of spec->annotations, and each text has at most ANNOTATION_MAX bytes;
 * annotations that aren't among the @n wishes are left as they are. Whenever the table
 * says something else of the own Node, the watch is ended for a patch, and goes on behind
 * it; again after a failure, or when somebody else writes them, with pauses that grow.
 */
void reflector_annotate(struct reflector *reflector, const struct annotation_wish *wishes,
			size_t n);

const struct reflector_state *reflector_state(struct reflector *reflector);

#endif
