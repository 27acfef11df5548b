/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deletes an attachment's links. Those that stages contribute go in one message, as the
 * kernel waits anew for each message. The kernel's memory of the pod's connections goes
 * with them.
 */
#include <errno.h>

#include "plugin/netlink/link.h"
#include "plugin/netlink/wait_deleted.h"
#include "conntrack.h"
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

int links_delete(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	unsigned int indexes[STAGE_LINKS_MAX];
	struct stage_links links;
	bool has_connections;
	int ret = stages_links(att, &links, err);

	if (ret < 0 || links.are_anothers)
		return ret;
	for (size_t i = 0; i < links.n; i++)
		indexes[i] = links.items[i].index;
	queue_links_del(nl, links.items, links.n, group_of(att));
	/* No rules lead to the pod any more, so no new connections come up. */
	has_connections = conntrack_prepare(att);
	if (att->need_not_wait) {
		ret = netlink_commit_announced(
			nl, att->op->node.nftables, indexes, links.n,
			has_connections ? connections_delete : NULL, att, err);
	} else {
		if (has_connections)
			connections_delete(att);
		ret = netlink_commit(nl, err);
	}
	/* -ENODEV: the links went with the pod's end meanwhile. */
	return ret == -ENODEV ? error_clear(err) : ret;
}

const struct stage stage_links = {
	.name = "links",
	.switches = SWITCH_BIT(SWITCH_BRIDGE) | SWITCH_BIT(SWITCH_OVS),
	.del = links_delete,
};
