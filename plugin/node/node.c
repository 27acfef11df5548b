/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node's side of an operation, opened and closed. The lock is node_lock.c's. */
#include "node.h"

int node_open(struct node *ret_node, struct cni_error *err)
{
	struct node node = NODE_CLOSED;
	int ret;

	ret = netlink_open(NETLINK_FOR_ROUTE, &node.rtnl, err);
	if (ret == 0)
		ret = netlink_ns(node.rtnl, &node.ns, err);
	if (ret < 0) {
		node_close(&node);
		return ret;
	}
	*ret_node = node;
	return 0;
}

int node_nftables(struct node *node, struct netlink **ret_netlink, struct cni_error *err)
{
	int ret = 0;

	if (!node->nftables)
		ret = netlink_open(NETLINK_FOR_NFTABLES, &node->nftables, err);
	if (ret == 0)
		*ret_netlink = node->nftables;
	return ret;
}

void node_close(struct node *node)
{
	netlink_close(node->rtnl);
	/* Nobody else has to wait for what the kernel still tidies up. */
	node_unlock(node);
	netlink_close(node->nftables);
	close_p(&node->ns);
	close_p(&node->lock_fd);
	*node = (struct node)NODE_CLOSED;
}
