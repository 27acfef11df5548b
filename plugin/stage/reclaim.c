/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds dead attachments, looks again under the node lock, and runs their DEL. */
#include "reclaim.h"

#include <string.h>

#include "ipam/ipam.h"
#include "plugin/node/node.h"
#include "plugin/attachment/report.h"
#include "stages.h"

/* The other attachment of the network, as DEL finds it when the namespace is gone. */
static struct attachment namesake(const struct attachment *att, struct node *node,
				  const char *container_id, const char *ifname)
{
	struct attachment other = attachment_beside(att, CNI_DEL, container_id, ifname);

	other.node = node;
	node->pod_ns = -1;
	node->pod_rtnl = NULL;
	return other;
}

int reclaim_delete(struct attachment *att, const char *container_id, const char *ifname,
		   struct cni_error *err)
{
	struct node node = *att->node;
	struct attachment other = namesake(att, &node, container_id, ifname);
	int ret = stages_del(&other, err);
	const char *line, *end;

	att->node->lock = node.lock;
	att->node->lock_fd = node.lock_fd;
	att->node->nftables = node.nftables;
	for (line = other.notice; line && (end = strchr(line, '\n')); line = end + 1)
		attachment_notice(att, "DEL of %s/%s: %.*s", container_id, ifname,
				  (int)(end - line), line);
	free(other.notice);
	if (ret < 0)
		error_wrap(err, "deleting container %s's %s", container_id, ifname);
	return ret;
}

/* An ADD may have been at work when it was looked at; it is through by now. */
static int stale_delete(struct attachment *att, const char *container_id,
			const char *ifname, struct cni_error *err)
{
	struct node node = *att->node;
	struct attachment dead = namesake(att, &node, container_id, ifname);
	enum ipam_liveness life;
	int ret = ipam_liveness(&dead, &life, err);

	free(dead.notice);
	if (ret < 0 || life == IPAM_ALIVE)
		return ret;
	ret = reclaim_delete(att, container_id, ifname, err);
	if (ret == 0 && life == IPAM_RELEASED)
		report_done(att,
			    "deleted what container %s's %s left: its interface is gone, "
			    "and another program gave its addresses back",
			    container_id, ifname);
	if (ret == 0 && life == IPAM_STALE)
		attachment_notice(att,
				  "network %s: deleted container %s's %s: neither its "
				  "interface nor its namespace is there any more",
				  att->conf.name, container_id, ifname);
	return ret;
}

static int stale_delete_all(struct attachment *att, const struct ipam_owner_list *list,
			    struct cni_error *err)
{
	int ret = list->n > 0 ? node_lock(att->node, NODE_EXCLUSIVE, err) : 0;

	/* One that can't be deleted keeps its addresses, but not those of the others. */
	for (size_t i = 0; ret == 0 && i < list->n; i++) {
		const struct ipam_owner *owner = &list->items[i];
		struct cni_error own = {};

		if (stale_delete(att, owner->container_id, owner->ifname, &own) < 0)
			attachment_notice(att, "network %s: %s", att->conf.name, own.msg);
	}
	return ret;
}

int reclaim_network(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list list = {};
	int ret = ipam_stale(att, &list, err);

	return ret < 0 ? ret : stale_delete_all(att, &list, err);
}

int reclaim_released(struct attachment *att, struct cni_error *err)
{
	_cleanup_(ipam_owner_list_clear) struct ipam_owner_list list = {};
	int ret = ipam_released(att, &list, err);

	return ret < 0 ? ret : stale_delete_all(att, &list, err);
}

int reclaim_namesake(struct attachment *att, struct cni_error *err)
{
	int ret = node_lock(att->node, NODE_EXCLUSIVE, err);

	return ret < 0 ? ret
		       : stale_delete(att, att->env.container_id, att->env.ifname, err);
}
