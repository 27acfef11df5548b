/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tokens and versions come from the server: they may be long and hold any characters, so
 * they are escaped, and the path's length is checked. */
#include "node_paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "transport.h"

#define NODES "/api/v1/nodes"

static int made(int len, struct cni_error *err)
{
	if (len >= 0 && len < NODE_PATH_SIZE)
		return 0;
	return error_set(err, CNI_ERR_INTERNAL, ENAMETOOLONG,
			 "the API server's continue token is too long");
}

int node_list_path(const char *next, bool from_cache, char path[NODE_PATH_SIZE],
		   struct cni_error *err)
{
	_cleanup_(free_p) char *value = transport_escape(next);

	if (!value)
		return error_oom(err);
	return made(snprintf(path, NODE_PATH_SIZE, NODES "?limit=%d%s%s", LIST_PAGE_NODES,
			     next[0]	  ? "&continue="
			     : from_cache ? "&resourceVersion=0"
					  : "",
			     value),
		    err);
}

int node_watch_path(const char *version, unsigned int seconds, char path[NODE_PATH_SIZE],
		    struct cni_error *err)
{
	_cleanup_(free_p) char *value = transport_escape(version);

	if (!value)
		return error_oom(err);
	return made(snprintf(path, NODE_PATH_SIZE,
			     NODES "?watch=true&allowWatchBookmarks=true"
				   "&resourceVersion=%s&timeoutSeconds=%u",
			     value, seconds),
		    err);
}

int node_path(const char *name, char path[NODE_PATH_SIZE], struct cni_error *err)
{
	_cleanup_(free_p) char *value = transport_escape(name);

	if (!value)
		return error_oom(err);
	return made(snprintf(path, NODE_PATH_SIZE, NODES "/%s", value), err);
}
