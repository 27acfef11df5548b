/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths of the API server's Nodes, for transport_start(). */
#ifndef BRIDGE_CNI_AGENT_API_NODE_PATHS_H
#define BRIDGE_CNI_AGENT_API_NODE_PATHS_H

#include <stdbool.h>

#include "conf/base/error.h"

#define NODE_PATH_SIZE	8192
#define LIST_PAGE_NODES 500 /* how many Nodes are asked for at once */

/* The path of a page of the list. @next: the token that the page before gave; "": the
 * first one. @from_cache: the server may answer it from what it remembers. Code 100. */
int node_list_path(const char *next, bool from_cache, char path[NODE_PATH_SIZE],
		   struct cni_error *err);

/* The path of a watch from resource version @version on, of so many seconds. Code 100. */
int node_watch_path(const char *version, unsigned int seconds, char path[NODE_PATH_SIZE],
		    struct cni_error *err);

/* The path of one Node. Code 100. */
int node_path(const char *name, char path[NODE_PATH_SIZE], struct cni_error *err);

#endif
