/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent: what it knows and what it keeps true. One thread; each part does a short thing
 * when it is due, children do the long ones.
 */
#ifndef BRIDGE_CNI_AGENT_AGENT_H
#define BRIDGE_CNI_AGENT_AGENT_H

#include "deploy/agent/api/reflector.h"
#include "deploy/agent/node/conflist.h"
#include "deploy/agent/node/heal.h"
#include "deploy/agent/base/http_server.h"
#include "deploy/agent/node/install.h"
#include "deploy/agent/base/options.h"
#include "deploy/agent/node/reclaim.h"
#include "deploy/agent/node/routes.h"

#define PROBLEMS_NAMED_MAX \
	256 /* nodes that log and metrics name, of those without a route */

struct route_trouble {
	char node[NODE_NAME_MAX + 1];
	struct ip_prefix cidr;
	enum route_problem problem;
};

struct agent {
	const struct options *options;
	const struct log *log;
	struct node_table nodes;
	struct netlink *rtnl, *nft;
	struct reflector_spec reflector_spec;
	struct reflector *reflector; /* keeps @nodes */
	struct http *http; /* NULL: no port */
	struct install install;
	struct conflist conflist;
	struct heal heal;
	struct job job;
	bool heals; /* the job is heal's, else a DEL of the first of the dead */
	struct ipam_owner_list dead;
	int signal_fd, events_fd, claim_fd;

	int64_t check_at, routes_at, resync_at; /* now_ms() */
	bool settle; /* the table or an option is news: configuration and routes follow */
	bool standing_by; /* the claim was given up: nothing is touched any more */
	bool ended;
	bool trimmed; /* what starting needed is given back */
	bool installed, configured, routed; /* has been right at its last look */

	struct routes_done routes;
	struct route_trouble *troubles;
	size_t n_troubles;
	uint64_t troubles_hash; /* of those that were logged */
	uint64_t route_syncs, route_changes, reclaimed, reclaim_failures, reclaim_refused;
	/* What was complained of last, by the message's hash: that is said once. */
	uint64_t said_install, said_conflist, said_routes, said_reclaim;
};

/* Opens what it needs. Codes 5, 100, 101. */
int agent_open(struct agent *agent, const struct options *options, const struct log *log,
	       struct cni_error *err);

/* Until it is told to end. */
void agent_run(struct agent *agent);

void agent_close(struct agent *agent);

/* http_page_fn, of an agent. */
char *agent_page(const char *path, unsigned int *ret_status, void *data);

/* --cleanup: configuration, routes, and what is shared, where no pod needs it any more. */
int agent_cleanup(const struct options *options, const struct log *log,
		  struct cni_error *err);

#endif
