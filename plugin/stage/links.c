/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deletes an attachment's links. Those that stages contribute go in one message, as the
 * kernel waits anew for each message. The pod's neighbours on the node go in the same send,
 * before them, and the kernel's memory of the pod's connections meanwhile.
 */
#include <errno.h>

#include "plugin/netlink/link.h"
#include "plugin/netlink/wait_deleted.h"
#include "conntrack.h"
#include "neighbours.h"
#include "stages.h"

/* A link group by which the links are deleted together. Group numbers that people choose
 * are small. */
static uint32_t group_of(const struct attachment *att)
{
	return hash_text(att->pod->host_ifname) | 1u << 31;
}

static void connections_delete(void *data)
{
	conntrack_delete_pod(data);
}

/* Sends what is queued: the end of @neighbours and of links. */
static int send_all(struct attachment *att, const struct stage_links *links,
		    struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	unsigned int indexes[STAGE_LINKS_MAX];
	bool has_connections;

	for (size_t i = 0; i < links->n; i++)
		indexes[i] = links->items[i].index;
	/* No rules lead to the pod any more, so no new connections come up. */
	has_connections = conntrack_prepare(att);
	if (att->need_not_wait)
		return netlink_commit_announced(
			nl, att->op->node.nftables, indexes, links->n,
			has_connections ? connections_delete : NULL, att, err);
	if (has_connections)
		connections_delete(att);
	return netlink_commit(nl, err);
}

int links_delete(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	struct stage_links links;
	size_t neighbours = 0;
	int first, ret = stages_links(att, &links, err);

	if (ret < 0)
		return ret;
	/* Where the kernel doesn't tell of the neighbours the links go all the same. */
	first = neighbours_queue_del(att, &neighbours, err);
	if (first < 0)
		err = NULL;
	if (!links.are_anothers)
		queue_links_del(nl, links.items, links.n, group_of(att));
	ret = links.are_anothers ? netlink_commit(nl, err) : send_all(att, &links, err);
	/* A neighbour or its interface went meanwhile. Of several refusals only the first one
	 * is told, so the links are asked for once more. */
	if ((ret == -ENOENT || ret == -ENODEV) && neighbours > 0) {
		error_clear(err);
		if (!links.are_anothers)
			queue_links_del(nl, links.items, links.n, group_of(att));
		ret = netlink_commit(nl, err);
	}
	/* -ENODEV: the links went with the pod's end meanwhile. */
	if (ret == -ENODEV)
		ret = error_clear(err);
	return first < 0 ? first : ret;
}

const struct stage stage_links = {
	.name = "links",
	.switches = SWITCH_BIT(SWITCH_BRIDGE) | SWITCH_BIT(SWITCH_OVS),
	.del = links_delete,
};
