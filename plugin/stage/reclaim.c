/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks for dead attachments again under the node lock, and runs their DEL. */
#include "reclaim.h"

#include <stdio.h>

#include "ipam/ipam.h"
#include "plugin/attachment/report.h"
#include "plugin/node/node.h"
#include "stages.h"

int reclaim_delete(struct attachment *att, const char *container_id, const char *ifname,
		   struct cni_error *err)
{
	struct notices *notices = &att->op->notices;
	const char *about = notices->about;
	bool is_timed = att->op->is_timed;
	_cleanup_(free_p) char *other_about = NULL;
	_cleanup_(attachment_clear) struct attachment other;
	struct pod pod;
	int ret;

	pod_name_only(att->network, container_id, ifname, &pod);
	attachment_init(&other, att->op, att->network, &pod);
	if (asprintf(&other_about, "DEL of %s/%s: ", container_id, ifname) < 0)
		other_about = NULL;
	notices->about = other_about;
	att->op->is_timed = false; /* The log has the stages of what was asked for. */
	ret = stages_del(&other, err);
	notices->about = about;
	att->op->is_timed = is_timed;
	if (ret < 0)
		error_wrap(err, "deleting container %s's %s", container_id, ifname);
	return ret;
}

/* Deletes the attachment if it is still dead: an ADD that was at work before is through
 * by now. */
static int stale_delete(struct attachment *att, const char *container_id,
			const char *ifname, struct cni_error *err)
{
	enum ipam_liveness life;
	struct pod pod;
	int ret;

	pod_name_only(att->network, container_id, ifname, &pod);
	ret = ipam_liveness(&att->ipam_env, &pod, &life, err);
	if (ret < 0 || life == IPAM_ALIVE)
		return ret;
	ret = reclaim_delete(att, container_id, ifname, err);
	if (ret == 0 && life == IPAM_RELEASED)
		report_done(att,
			    "deleted what container %s's %s left: its interface is gone, "
			    "and another program gave its addresses back",
			    container_id, ifname);
	if (ret == 0 && life == IPAM_STALE)
		notice(&att->op->notices,
		       "network %s: deleted container %s's %s: neither its "
		       "interface nor its namespace is there any more",
		       att->network->name, container_id, ifname);
	return ret;
}

static int stale_delete_all(struct attachment *att, const struct ipam_holder_list *list,
			    struct cni_error *err)
{
	int ret = list->n > 0 ? node_lock(&att->op->node, NODE_EXCLUSIVE, err) : 0;

	/* An attachment that can't be deleted keeps its addresses. The others are deleted
	 * all the same. */
	for (size_t i = 0; ret == 0 && i < list->n; i++) {
		const struct ipam_holder *holder = &list->items[i];
		struct cni_error own = {};

		if (stale_delete(att, holder->container_id, holder->ifname, &own) < 0)
			notice(&att->op->notices, "network %s: %s", att->network->name,
			       own.msg);
	}
	return ret;
}

int reclaim_network(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list list = {};
	int ret = ipam_stale(&att->ipam_env, &list, err);

	return ret < 0 ? ret : stale_delete_all(att, &list, err);
}

int reclaim_released(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list list = {};
	int ret = ipam_released(&att->ipam_env, &list, err);

	return ret < 0 ? ret : stale_delete_all(att, &list, err);
}

int reclaim_namesake(struct attachment *att, struct cni_error *err)
{
	int ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);

	return ret < 0 ? ret
		       : stale_delete(att, att->pod->container_id, att->pod->ifname, err);
}
