/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes without a route are logged when they are others than the last time. */
#include "route_upkeep.h"

#include <stdio.h>
#include <string.h>

#include "conf/identity.h"
#include "conf/base/clock.h"
#include "sealed_routes.h"

#define SOON_MS		100 /* the kernel's messages come in flocks */
#define RETRY_MS	5000
#define UNROUTED_LOGGED 20

int route_upkeep_open(struct route_upkeep *upkeep, struct netlink *rtnl,
		      const struct log *log, const char *own_node, struct cni_error *err)
{
	struct unrouted_node *unrouted = calloc(UNROUTED_NODES_MAX, sizeof(*unrouted));

	if (!unrouted)
		return error_oom(err);
	*upkeep = (struct route_upkeep){
		.rtnl = rtnl,
		.log = log,
		.own_node = own_node,
		.due_at = INT64_MAX,
		.unrouted = unrouted,
	};
	return 0;
}

void route_upkeep_stale(struct route_upkeep *upkeep)
{
	for (int i = 0; i < IP_FAMILIES; i++)
		routes_known_clear(&upkeep->known[i]);
}

void route_upkeep_close(struct route_upkeep *upkeep)
{
	route_upkeep_stale(upkeep);
	free(upkeep->unrouted);
	upkeep->unrouted = NULL;
}

void route_upkeep_soon(struct route_upkeep *upkeep)
{
	int64_t soon = now_ms() + SOON_MS;

	if (upkeep->due_at > soon)
		upkeep->due_at = soon;
}

static void note_unrouted(const struct cluster_node *node, const struct ip_prefix *cidr,
			  enum route_problem problem, void *data)
{
	struct route_upkeep *upkeep = data;
	struct unrouted_node *item;

	if (upkeep->n_unrouted == UNROUTED_NODES_MAX)
		return;
	item = &upkeep->unrouted[upkeep->n_unrouted++];
	*item = (struct unrouted_node){.cidr = *cidr, .problem = problem};
	snprintf(item->node, sizeof(item->node), "%s", node->name);
}

/* A new Node gets these moments after it has been made; the metrics tell of one that
 * doesn't. */
static bool is_of_a_new_node(enum route_problem problem)
{
	return problem == ROUTE_NO_CIDR || problem == ROUTE_NO_ADDRESS;
}

static void log_unrouted(struct route_upkeep *upkeep)
{
	uint64_t hash = hash_text("");

	for (size_t i = 0; i < upkeep->n_unrouted; i++) {
		const struct unrouted_node *item = &upkeep->unrouted[i];

		hash = hash_more(hash, item->node, strlen(item->node) + 1);
		hash = hash_more(hash, &item->problem, sizeof(item->problem));
	}
	if (hash == upkeep->unrouted_hash)
		return;
	upkeep->unrouted_hash = hash;
	for (size_t i = 0; i < upkeep->n_unrouted && i < UNROUTED_LOGGED; i++) {
		const struct unrouted_node *item = &upkeep->unrouted[i];

		log_write(upkeep->log,
			  is_of_a_new_node(item->problem) ? LOG_LEVEL_INFO
							  : LOG_LEVEL_WARN,
			  "no route to a node's pods", "node", item->node, "reason",
			  route_problem_names[item->problem], "podCIDR",
			  item->cidr.addr.family ? PREFIX_TEXT(&item->cidr) : "", NULL);
	}
}

static void log_changes(const struct route_upkeep *upkeep)
{
	const struct routes_done *done = &upkeep->done;
	char changes[96];

	if (!done->added && !done->changed && !done->removed)
		return;
	snprintf(changes, sizeof(changes), "%zu added, %zu changed, %zu removed",
		 done->added, done->changed, done->removed);
	log_write(upkeep->log, LOG_LEVEL_INFO, "routes", "what", changes, NULL);
}

static int run_once(struct route_upkeep *upkeep, const struct node_table *nodes,
		    const struct tunnel_plan *plan, struct cni_error *err)
{
	upkeep->n_unrouted = 0;
	return routes_sync(upkeep->rtnl, nodes, upkeep->own_node, plan, upkeep->known,
			   note_unrouted, upkeep, &upkeep->done, err);
}

void route_upkeep_run(struct route_upkeep *upkeep, const struct node_table *nodes,
		      const struct tunnel_plan *plan)
{
	const struct routes_done *done = &upkeep->done;
	struct cni_error err = {};
	int ret;

	upkeep->due_at = INT64_MAX;
	upkeep->asked = !upkeep->known[0].valid || !upkeep->known[1].valid;
	ret = run_once(upkeep, nodes, plan, &err);
	if (ret == ROUTES_AGAIN) {
		route_upkeep_stale(upkeep);
		upkeep->asked = true;
		ret = run_once(upkeep, nodes, plan, &err);
	}
	upkeep->syncs++;
	upkeep->changes += done->added + done->changed + done->removed;
	upkeep->right = ret >= 0;
	log_unrouted(upkeep);
	log_changes(upkeep);
	if (ret < 0) {
		log_error_once(upkeep->log, &upkeep->error, "a route can't be set", &err);
		upkeep->due_at = now_ms() + RETRY_MS;
	} else {
		upkeep->error = 0;
	}
}

bool route_upkeep_seal(struct route_upkeep *upkeep, const struct node_table *nodes,
		       bool sealed)
{
	struct prefix_list list = {};
	struct cni_error err = {};
	int ret = 0;

	/* Nobody seals them while this agent runs. */
	if (!sealed && upkeep->open)
		return true;
	if (sealed)
		ret = node_table_cidrs(nodes, &(struct prefix_list){}, true, &list, &err);
	if (ret == 0)
		ret = sealed_routes_sync(upkeep->rtnl, &list, sealed, &err);
	upkeep->open = !sealed && ret == 0;
	free(list.items);
	if (ret < 0)
		log_error_once(upkeep->log, &upkeep->seal_error,
			       "the default route can't be closed for pods' packets",
			       &err);
	else
		upkeep->seal_error = 0;
	return ret == 0;
}
