/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A refused podCIDR is logged when it was not refused, or for another reason, the time
 * before. */
#include "range_upkeep.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/identity.h"
#include "deploy/agent/api/former_adopt.h"
#include "routes.h"
#include "surroundings_read.h"

#define LINES_MAX 20 /* in the log, of one run */

int range_upkeep_open(struct range_upkeep *upkeep, struct netlink *rtnl,
		      const struct log *log, const struct options *options,
		      const struct network_names *names, struct cni_error *err)
{
	*upkeep = (struct range_upkeep){
		.rtnl = rtnl,
		.log = log,
		.options = options,
		.network = names,
		.stale = true,
		.refused = calloc(REFUSED_RANGES_ALL, sizeof(*upkeep->refused)),
		.logged = calloc(REFUSED_RANGES_ALL, sizeof(*upkeep->logged)),
	};
	return upkeep->refused && upkeep->logged ? 0 : error_oom(err);
}

void range_upkeep_close(struct range_upkeep *upkeep)
{
	surroundings_clear(&upkeep->around);
	free(upkeep->refused);
	free(upkeep->logged);
	upkeep->refused = NULL;
	upkeep->logged = NULL;
}

void range_upkeep_found(struct range_upkeep *upkeep, const struct conflist *list)
{
	memcpy(upkeep->own_before, list->subnets, sizeof(upkeep->own_before));
}

void range_upkeep_stale(struct range_upkeep *upkeep)
{
	upkeep->stale = true;
}

/* -- what is told of a refused one */

/* "10.244.2.0/24 of node2", "192.0.2.11/24 of eth0", "192.0.2.1" or "". */
static void rival_format(const struct range_refusal *refusal, char *buf, size_t size)
{
	const char *of = refusal->rival_node[0] ? refusal->rival_node
						: refusal->rival_interface;

	buf[0] = '\0';
	if (refusal->rival.addr.family)
		snprintf(buf, size, "%s%s%s", PREFIX_TEXT(&refusal->rival),
			 of[0] ? " of " : "", of);
}

static void own_refused(struct range_upkeep *upkeep, const struct range_refusal *refusal,
			const char *rival)
{
	snprintf(upkeep->own, sizeof(upkeep->own),
		 "another podCIDR of this node: %s is refused, %s%s%s",
		 PREFIX_TEXT(refusal->cidr), range_verdict_names[refusal->why],
		 rival[0] ? ", " : "", rival);
}

static bool was_logged(const struct range_upkeep *upkeep, uint64_t hash)
{
	for (size_t i = 0; i < upkeep->n_logged; i++)
		if (upkeep->logged[i] == hash)
			return true;
	return false;
}

static void log_refusal(struct range_upkeep *upkeep, const struct range_refusal *refusal,
			const char *rival, bool own)
{
	if (!own && ++upkeep->n_lines > LINES_MAX)
		return;
	log_write(upkeep->log, own ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
		  own ? "this node's podCIDR can't be used: no pod starts here until "
			"the Node has another one, or what is in the way has gone"
		      : "a podCIDR is not used",
		  "node", refusal->node->name, "podCIDR", PREFIX_TEXT(refusal->cidr),
		  "reason", range_verdict_names[refusal->why], "rival", rival, NULL);
}

static void note_refused(const struct range_refusal *refusal, void *data)
{
	struct range_upkeep *upkeep = data;
	bool own = strcmp(refusal->node->name, upkeep->options->node_name) == 0;
	char rival[PREFIX_TEXT_MAX + NODE_NAME_MAX + 8];
	uint64_t hash = hash_text(refusal->node->name);
	struct refused_range *item;

	rival_format(refusal, rival, sizeof(rival));
	hash = hash_more(hash, refusal->cidr, sizeof(*refusal->cidr));
	hash = hash_more(hash, &refusal->why, sizeof(refusal->why));
	hash = hash_more(hash, rival, strlen(rival));
	upkeep->counts[refusal->why]++;
	if (own)
		own_refused(upkeep, refusal, rival);
	/* There is always room for this node's own ones. */
	if (!own && upkeep->n_others == REFUSED_RANGES_MAX)
		return;
	if (!own)
		upkeep->n_others++;
	if (!was_logged(upkeep, hash))
		log_refusal(upkeep, refusal, rival, own);
	item = &upkeep->refused[upkeep->n_refused++];
	*item = (struct refused_range){
		.cidr = *refusal->cidr,
		.why = refusal->why,
		.hash = hash,
	};
	snprintf(item->node, sizeof(item->node), "%s", refusal->node->name);
}

/* -- reading and judging */

static int read_around(struct range_upkeep *upkeep, struct cni_error *err)
{
	struct surroundings_spec spec = {
		.bridge = upkeep->network->bridge,
		.cluster = &upkeep->options->cluster_cidrs,
		.api_server = upkeep->api_server,
	};
	struct surroundings around = {};
	int ret = surroundings_read(upkeep->rtnl, &spec, !upkeep->began, &around, err);

	for (int i = 0; ret == 0 && !upkeep->began && i < IP_FAMILIES; i++) {
		struct held_range held = {.cidr = upkeep->own_before[i]};

		if (held.cidr.addr.family)
			ret = surroundings_add_held(&around, &held, err);
	}
	if (ret < 0) {
		surroundings_clear(&around);
		return ret;
	}
	surroundings_settle(&around);
	surroundings_clear(&upkeep->around);
	upkeep->around = around;
	upkeep->stale = upkeep->judged = false;
	return 0;
}

static void forget_refused(struct range_upkeep *upkeep)
{
	for (size_t i = 0; i < upkeep->n_refused; i++)
		upkeep->logged[i] = upkeep->refused[i].hash;
	upkeep->n_logged = upkeep->n_refused;
	upkeep->n_refused = upkeep->n_others = upkeep->n_lines = 0;
	upkeep->own[0] = '\0';
	memset(upkeep->counts, 0, sizeof(upkeep->counts));
}

static void log_former(struct range_upkeep *upkeep, struct node_table *nodes)
{
	for (size_t i = 0; i < nodes->former.n; i++) {
		struct former_range *item = &nodes->former.items[i];

		if (item->routed == item->told)
			continue;
		item->told = item->routed;
		if (++upkeep->n_lines > LINES_MAX)
			continue;
		log_write(upkeep->log, LOG_LEVEL_INFO,
			  item->routed ? "a podCIDR that a Node had before stays routed: "
					 "pods of it may still run there"
				       : "a podCIDR that a Node had before is routed no "
					 "longer",
			  "node", item->node, "podCIDR", PREFIX_TEXT(&item->cidr), NULL);
	}
}

bool range_upkeep_run(struct range_upkeep *upkeep, struct node_table *nodes)
{
	struct range_rules rules = {
		.own = upkeep->options->node_name,
		.cluster = &upkeep->options->cluster_cidrs,
		.around = &upkeep->around,
	};
	struct cni_error err = {};
	int ret = upkeep->stale ? read_around(upkeep, &err) : 0;

	rules.same = upkeep->judged;

	if (ret == 0 && !upkeep->began)
		ret = former_adopt(nodes, &upkeep->around, &err);
	if (ret == 0) {
		forget_refused(upkeep);
		ret = pod_ranges_judge(nodes, &rules, note_refused, upkeep, &err);
	}
	if (ret < 0) {
		log_error_once(upkeep->log, &upkeep->error,
			       "the podCIDRs can't be judged", &err);
		return false;
	}
	upkeep->error = 0;
	upkeep->judged = true;
	log_former(upkeep, nodes);
	/* From now on the node table says what was accepted the last time. */
	if (!upkeep->began)
		upkeep->stale = true;
	upkeep->began = true;
	return true;
}

/* -- routes that must not stay, whatever the cluster's Nodes say */

static void remove_over(struct range_upkeep *upkeep, const struct surroundings *around)
{
	struct cni_error err = {};
	size_t removed = 0;
	char text[24];

	if (routes_remove_over(upkeep->rtnl, around, &removed, &err) < 0)
		log_error_once(upkeep->log, &upkeep->error,
			       "routes over this node's own network can't be removed",
			       &err);
	snprintf(text, sizeof(text), "%zu", removed);
	if (removed)
		log_write(upkeep->log, LOG_LEVEL_WARN,
			  "routes removed that led away what this node needs", "n", text,
			  NULL);
}

void range_upkeep_start(struct range_upkeep *upkeep)
{
	struct cni_error err = {};

	if (read_around(upkeep, &err) < 0)
		log_error_once(upkeep->log, &upkeep->error,
			       "the node's addresses can't be read", &err);
	else
		remove_over(upkeep, &upkeep->around);
	upkeep->stale = true;
}

bool range_upkeep_server(struct range_upkeep *upkeep, const struct ip_addr *addr)
{
	_cleanup_(surroundings_clear) struct surroundings around = {};
	struct ip_addr *known = &upkeep->api_server[addr->family == AF_INET6];

	if (surroundings_add_host(&around, addr, RANGE_API_SERVER, "", NULL) == 0)
		remove_over(upkeep, &around);
	if (ip_equal(known, addr))
		return false;
	*known = *addr;
	upkeep->stale = true;
	return true;
}
