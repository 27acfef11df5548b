/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes without a route are logged when they are others than the last time. */
#include "route_upkeep.h"

#include <stdio.h>
#include <string.h>

#include "conf/identity.h"
#include "conf/base/clock.h"
#include "ready_file.h"
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

static bool is_of_node(const struct node_table *nodes, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < nodes->n; i++) {
		const struct cluster_node *node = &nodes->items[i];

		for (int family = 0; family < IP_FAMILIES; family++)
			if (prefix_contains(prefix, &node->addresses[family]))
				return true;
		for (size_t k = 0; k < node->n_more; k++)
			if (prefix_contains(prefix, &node->more[k]))
				return true;
	}
	return false;
}

/* @ret_list has room for all of @whole, which has no order. */
static void whole_sort(const struct node_table *nodes, const struct prefix_list *whole,
		       const struct surroundings *around, struct prefix_list *ret_list)
{
	for (size_t i = 0; i < whole->n; i++) {
		const struct ip_prefix *prefix = &whole->items[i];
		size_t at = ret_list->n;

		if (surroundings_overlap(around, prefix) || is_of_node(nodes, prefix))
			continue;
		for (; at > 0 && ip_cmp(&ret_list->items[at - 1].addr, &prefix->addr) > 0;
		     at--)
			ret_list->items[at] = ret_list->items[at - 1];
		ret_list->items[at] = *prefix;
		ret_list->n++;
	}
}

/* Makes the sealed routes those of @prefixes. The kernel isn't asked for them where they
 * were so the last time, and no message of a change has come since. */
static int seal(struct route_upkeep *upkeep, const struct sealed_prefixes *prefixes,
		struct cni_error *err)
{
	const struct prefix_list *cidrs = &prefixes->cidrs, *whole = &prefixes->whole;
	uint64_t hash = hash_bytes(cidrs->items, cidrs->n * sizeof(*cidrs->items));
	int ret;

	hash = hash_more(hash, whole->items, whole->n * sizeof(*whole->items));
	if (upkeep->sealed && upkeep->sealed_hash == hash && upkeep->known[0].valid &&
	    upkeep->known[1].valid)
		return 0;
	ret = sealed_routes_sync(upkeep->rtnl, prefixes, err);
	upkeep->sealed = ret == 0;
	upkeep->sealed_hash = hash;
	return ret;
}

static bool sealed(struct route_upkeep *upkeep, int ret, struct cni_error *err)
{
	if (ret < 0)
		log_error_once(upkeep->log, &upkeep->seal_error,
			       "the default route can't be closed for pods' packets",
			       err);
	else
		upkeep->seal_error = 0;
	return ret == 0;
}

bool route_upkeep_seal(struct route_upkeep *upkeep, const struct node_table *nodes,
		       const struct prefix_list *whole, const struct surroundings *around)
{
	struct sealed_prefixes prefixes = {
		.stay = true,
		.whole.items = calloc(whole->n + 1, sizeof(*whole->items)),
	};
	const struct prefix_list none = {};
	struct cni_error err = {};
	int ret = prefixes.whole.items ? 0 : error_oom(&err);

	upkeep->open = false;
	if (ret == 0)
		ret = node_table_cidrs(nodes, &none, true, &prefixes.cidrs, &err);
	if (ret == 0) {
		whole_sort(nodes, whole, around, &prefixes.whole);
		ret = seal(upkeep, &prefixes, &err);
	}
	free(prefixes.whole.items);
	free(prefixes.cidrs.items);
	return sealed(upkeep, ret, &err);
}

bool route_upkeep_unseal(struct route_upkeep *upkeep)
{
	struct cni_error err = {};
	int ret;

	/* Nobody seals them while this agent runs. */
	if (upkeep->open)
		return true;
	upkeep->sealed = false;
	/* A later agent with WireGuard must not find a file by which pods start before it
	 * has closed the default route. */
	ret = ready_file_remove(&err);
	if (ret == 0)
		ret = sealed_routes_sync(upkeep->rtnl, &(struct sealed_prefixes){}, &err);
	upkeep->open = ret == 0;
	return sealed(upkeep, ret, &err);
}

bool route_upkeep_admit(struct route_upkeep *upkeep)
{
	struct cni_error err = {};
	int ret = ready_file_make(&err);

	if (ret < 0)
		log_error_once(upkeep->log, &upkeep->admit_error,
			       "new pods can't be let onto the node", &err);
	else
		upkeep->admit_error = 0;
	return ret == 0;
}
