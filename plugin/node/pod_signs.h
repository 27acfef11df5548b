/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signs of pods that have no interface on the node: the addresses that the node's
 * interfaces take frames for, the links in namespaces that have a number on the node, and
 * the namespaces that processes are in. Each is looked at once for all pods, and again
 * where the node lock is another one since: others may have made or deleted pods before
 * it was had. What can't be told counts as a sign.
 */
#ifndef BRIDGE_CNI_PLUGIN_NODE_POD_SIGNS_H
#define BRIDGE_CNI_PLUGIN_NODE_POD_SIGNS_H

#include "conf/base/addr.h"
#include "node.h"
#include "signs_found.h"

/* Does an interface of the node take frames for @mac, besides for its own address
 * (netlink/fdb.h)? */
bool pod_signs_mac(struct node *node, const struct mac_addr *mac);

/* Lists the macvlans and ipvlans in those namespaces; the node keeps the list. NULL: they
 * can't be told. */
const struct share_list *pod_signs_shares(struct node *node);

/* Has one of them this alias? However its namespace is held, it is there then. */
bool pod_signs_alias(struct node *node, const char *alias);

/*
 * Is a process in the network namespace that has this cookie? 0 is the cookie of a
 * namespace that isn't known. Looks through /proc, which is slow. A namespace that only
 * a descriptor or a mount holds isn't seen.
 */
bool pod_signs_process(struct node *node, uint64_t cookie);

/* Has all looked at again, after this operation has made an interface. */
void pod_signs_forget(struct node *node);

#endif
