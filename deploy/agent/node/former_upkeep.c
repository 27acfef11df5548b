/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pods are logged when there are more of them than the last time, or when more of them
 * are cut off. */
#include "former_upkeep.h"

#include <stdio.h>
#include <string.h>

#include "conf/base/clock.h"
#include "former_gateways.h"

/* A runtime reads the list within a second, but an ADD may take as long as a minute. */
#define WATCH_MS 60000
#define LOOK_MS	 60000

void former_upkeep_clear(struct former_upkeep *upkeep)
{
	former_pods_clear(&upkeep->pods);
}

void former_upkeep_found(struct former_upkeep *upkeep, const struct conflist *list)
{
	memcpy(upkeep->gateways, list->gateways, sizeof(upkeep->gateways));
	memcpy(upkeep->before, list->gateways, sizeof(upkeep->before));
}

static void log_pods(const struct former_upkeep *upkeep, bool cut_off)
{
	const struct former_pods *pods = &upkeep->pods;
	struct text names = {};
	char n[24];

	snprintf(n, sizeof(n), "%zu", cut_off ? pods->cut_off : pods->n);
	former_pods_add_names(pods, cut_off, &names);
	if (cut_off)
		log_write(upkeep->log, LOG_LEVEL_ERROR,
			  "pods are cut off until they are started again: another node "
			  "has the podCIDR that their addresses are of",
			  "n", n, "node", pods->rival, "podCIDR",
			  PREFIX_TEXT(&pods->rival_cidr), "pods",
			  names.text && !names.failed ? names.text : "", NULL);
	else
		log_write(upkeep->log, LOG_LEVEL_WARN,
			  "pods have addresses outside of this node's podCIDR: start "
			  "them again",
			  "n", n, "pods", names.text && !names.failed ? names.text : "",
			  NULL);
	free(names.text);
}

static void tell(struct former_upkeep *upkeep)
{
	const struct former_pods *pods = &upkeep->pods;

	if (pods->n > upkeep->told)
		log_pods(upkeep, false);
	if (pods->cut_off > upkeep->told_cut_off)
		log_pods(upkeep, true);
	if (!pods->n && upkeep->told)
		log_write(upkeep->log, LOG_LEVEL_INFO,
			  "no pod has an address outside of this node's podCIDR any more",
			  NULL);
	upkeep->told = pods->n;
	upkeep->told_cut_off = pods->cut_off;
}

static int settle(struct former_upkeep *upkeep, const struct conflist *list,
		  struct cni_error *err)
{
	const struct former_gateways wanted = {
		.ifname = list->gateway_ifname,
		.addresses = &upkeep->pods.addresses,
		.present = list->gateways,
		.before = {upkeep->before, upkeep->gateways},
	};
	bool is_there = !list->gateway_ifname[0] ||
			netlink_ifindex(upkeep->rtnl, list->gateway_ifname);
	int ret = 0;

	/* Gateways, and the routes to pods, go with the interface that has them. To read
	 * all routes of the node takes long, and there is nothing to find. */
	if (is_there)
		ret = former_gateways_sync(upkeep->rtnl, &wanted, err);
	upkeep->again = ret != 0;
	if (ret == 0)
		memcpy(upkeep->gateways, list->gateways, sizeof(upkeep->gateways));
	/* An ADD that still works by the former list may make the interface. */
	if (ret == 0 && is_there)
		memcpy(upkeep->before, list->gateways, sizeof(upkeep->before));
	return ret;
}

static void look(struct former_upkeep *upkeep, const struct conflist *list,
		 const struct node_table *nodes, bool again)
{
	struct cni_error err = {};
	int ret = former_pods_find(upkeep->rtnl, list, nodes, again, &upkeep->pods, &err);

	upkeep->look_at = now_ms() + LOOK_MS;
	if (ret == 0)
		tell(upkeep);
	if (ret == 0)
		ret = settle(upkeep, list, &err);
	if (ret < 0)
		log_error_once(upkeep->log, &upkeep->error,
			       "looking after pods of a former podCIDR has failed", &err);
	else
		upkeep->error = 0;
}

static bool is_watching(const struct former_upkeep *upkeep)
{
	return upkeep->pods.n || upkeep->again || now_ms() < upkeep->watch_until;
}

void former_upkeep_run(struct former_upkeep *upkeep, const struct conflist *list,
		       const struct node_table *nodes)
{
	bool changed = false;

	for (int i = 0; i < IP_FAMILIES; i++)
		changed |= !prefix_equal(&upkeep->gateways[i], &list->gateways[i]);
	if (changed)
		upkeep->watch_until = now_ms() + WATCH_MS;
	if (changed || !upkeep->began || is_watching(upkeep))
		look(upkeep, list, nodes, true);
	upkeep->began = true;
}

void former_upkeep_tick(struct former_upkeep *upkeep, const struct conflist *list,
			const struct node_table *nodes)
{
	bool due = now_ms() >= upkeep->look_at;

	if (upkeep->began && (due || is_watching(upkeep)))
		look(upkeep, list, nodes, due || upkeep->again);
}

void former_upkeep_text(const struct former_upkeep *upkeep, struct text *text)
{
	const struct former_pods *pods = &upkeep->pods;

	if (pods->n) {
		text_add(text, "start these pods again, whose addresses are outside of "
			       "this node's podCIDR: ");
		former_pods_add_names(pods, false, text);
		text_add(text, "\n");
	}
	if (pods->cut_off) {
		text_add(text, "of these are cut off, as another node has their "
			       "podCIDR: ");
		former_pods_add_names(pods, true, text);
		text_add(text, "\n");
	}
}
