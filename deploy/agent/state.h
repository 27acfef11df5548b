/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that an agent has: the parts that do the work, and when the loop calls them. */
#ifndef BRIDGE_CNI_AGENT_STATE_H
#define BRIDGE_CNI_AGENT_STATE_H

#include "deploy/agent/api/reflector.h"
#include "deploy/agent/base/http_server.h"
#include "deploy/agent/base/job.h"
#include "deploy/agent/base/options.h"
#include "deploy/agent/node/drops.h"
#include "deploy/agent/node/former_upkeep.h"
#include "deploy/agent/node/heal.h"
#include "deploy/agent/node/pod_link.h"
#include "deploy/agent/node/range_upkeep.h"
#include "deploy/agent/node/reclaim.h"
#include "deploy/agent/node/route_upkeep.h"
#include "deploy/agent/node/setup.h"
#include "deploy/agent/node/shadow.h"
#include "deploy/agent/node/uninstall.h"
#include "deploy/agent/tunnel/tunnel_notes.h"
#include "deploy/agent/tunnel/tunnel_upkeep.h"

#define AGENT_RETRY_MS 5000 /* after an error of the kernel */

enum agent_job {
	AGENT_JOB_NONE,
	AGENT_JOB_REPAIR, /* heal's */
	AGENT_JOB_DEL, /* reclaim's */
	AGENT_JOB_CLEANUP, /* uninstall's */
};

struct agent {
	const struct options *options;
	const struct log *log;
	struct node_table nodes;
	struct netlink *rtnl, *nft;
	struct tunnel_notes notes; /* the annotations that are read */
	struct reflector_spec reflector_spec;
	struct reflector *reflector; /* keeps @nodes */
	struct http_server *http; /* NULL: the agent has no port */
	struct http_server *metrics; /* NULL: none is asked for, or it can't listen */
	char *metrics_text; /* what others were given last, until @metrics_until */
	int64_t metrics_until;
	uint64_t metrics_failure; /* that was told last, for log_error_once() */
	struct setup setup;
	struct shadow shadow;
	struct pod_link pod_link;
	struct range_upkeep ranges;
	struct former_upkeep former;
	struct tunnel_upkeep tunnel;
	struct route_upkeep routes;
	struct heal heal;
	struct drops drops;
	struct reclaim reclaim;
	struct uninstall uninstall; /* looked at if the option is set */
	struct job job;
	enum agent_job job_kind;
	int signal_fd, route_events_fd;
	int lock_fd; /* -1: the agent lock is not this agent's */

	/* Times are by now_ms(). */
	int64_t check_at; /* when the files on the node are looked at */
	int64_t follow_at; /* the nodes are not followed before */
	int64_t resync_at; /* when everything is looked at without a reason */
	int64_t trim_at; /* when memory that the last change has needed is given back */
	bool nodes_changed; /* configuration list and routes are to follow the nodes */
	bool standing_by; /* the agent lock was given up: nothing is touched any more */
	bool ended; /* the agent was told to end */
	bool trimmed; /* memory that the start has needed was given back */
};

#endif
