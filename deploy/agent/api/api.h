/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The API server, by list and watch of /api/v1/nodes: keeps a node table as the cluster has it.
 * Pages, bookmarks, resource versions that have become too old, connections that break and
 * servers that are away are its business alone; the table is never emptied by any of them.
 * See the Kubernetes documentation, "API concepts". The only user of libcurl.
 */
#ifndef BRIDGE_CNI_AGENT_API_H
#define BRIDGE_CNI_AGENT_API_H

#include <poll.h>
#include <stdint.h>

#include "deploy/agent/base/log.h"
#include "node_table.h"

#define API_PAGE_NODES 500

struct api_spec {
	const char *server; /* "https://10.96.0.1:443" */
	const char *token_file; /* read anew for each request */
	const char *ca_file; /* another content ends what the former vouched for */
	unsigned int retry_max_ms; /* the longest pause between attempts */
	unsigned int watch_seconds; /* how long a watch may last; some more by chance */
};

struct api_state {
	bool listed; /* the table has been whole once */
	bool watching;
	uint64_t lists, events, failures, skipped; /* since the start */
	int64_t contact_ms; /* when the server answered last; 0: never */
};

struct api;

/* Nothing is sent yet. Strings of @spec, @nodes and @log must outlive it. Codes 5, 100. */
int api_open(const struct api_spec *spec, struct node_table *nodes, const struct log *log,
	     struct api **ret_api, struct cni_error *err);
void api_close(struct api *api);
static inline void api_closep(struct api **api)
{
	api_close(*api);
}

/*
 * Waits until the server says something, one of @fds is readable (POLLIN in revents) or
 * @timeout_ms is over; then takes what there is. Returns true where the table has changed.
 */
bool api_wait(struct api *api, struct pollfd *fds, size_t n, int timeout_ms);

const struct api_state *api_state(const struct api *api);

#endif
