/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deletes links without waiting for the work that the kernel still does once they are
 * gone. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_WAIT_DELETED_H
#define BRIDGE_CNI_PLUGIN_NETLINK_WAIT_DELETED_H

#include "netlink.h"

#define NETLINK_LINKS_MAX 4 /* links that are waited for at once */

typedef void (*netlink_meanwhile_fn)(void *data);

/*
 * netlink_commit() of a queue that deletes links, in the process's own namespace. Returns
 * when the kernel has announced the end of each of the @n @links (indexes; 0: none): no
 * name, port or address of them is left then; or when the kernel has refused. What
 * follows in the kernel is left to a child: it frees memory once no processor can be
 * looking at it any more (an RCU grace period, 10-20 ms). Where that can't be arranged it
 * is waited for.
 *
 * The queue must name links by index: should we be killed, another link may have the name
 * by the time that the child asks. @nftables: a connection, or NULL. Its end may wait for
 * the same reason, or for others: the child has it open longest. @meanwhile, if any, is
 * called once, while the kernel is at it, where there is no child before that. It leaves
 * @rtnl alone.
 */
int netlink_commit_announced(struct netlink *rtnl, const struct netlink *nftables,
			     const unsigned int links[], size_t n,
			     netlink_meanwhile_fn meanwhile, void *data,
			     struct cni_error *err);

#endif
