/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens and closes the node's side of an operation. node_lock.c has the lock. */
#include "node.h"

#include <errno.h>

#include "kernel_has.h"
#include "signs_found.h"

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

	if (!node->nftables && node->loads_nothing && !kernel_has_nf_tables())
		return error_set(err, CNI_ERR_KERNEL, EPROTONOSUPPORT,
				 "nf_tables is not loaded, so that nobody has a rule; to "
				 "ask for rules would load it");
	if (!node->nftables)
		ret = netlink_open(NETLINK_FOR_NFTABLES, &node->nftables, err);
	if (ret == 0)
		*ret_netlink = node->nftables;
	return ret;
}

void node_close(struct node *node)
{
	netlink_close(node->rtnl);
	/* The lock goes first: closing the connection waits while the kernel tidies up,
	 * and nobody else has to wait with it. */
	node_unlock(node);
	netlink_close(node->nftables);
	signs_found_free(&node->signs);
	close_p(&node->ns);
	close_p(&node->lock_fd);
	*node = (struct node)NODE_CLOSED;
}
