/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One operation's hold on the node: its network namespace, connections to that, and the
 * node lock. The pod's namespace is pod_ns.h's. Never copied: who works on the same node
 * is given the same structure.
 */
#ifndef BRIDGE_CNI_PLUGIN_NODE_NODE_H
#define BRIDGE_CNI_PLUGIN_NODE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/netlink/netlink.h"

/* How long an operation waits for others before it gives up with code 11. */
#define NODE_LOCK_SECONDS 30

enum node_lock {
	NODE_UNLOCKED,
	NODE_SHARED, /* making and removing what belongs to one attachment */
	NODE_EXCLUSIVE, /* making, changing, removing what is shared */
};

struct node {
	int ns; /* the node's own namespace */
	int lock_fd; /* -1: not opened yet */
	struct netlink *rtnl; /* in the node's namespace */
	struct netlink *nftables; /* in the node's; NULL: not opened yet */
	enum node_lock lock;
	uint64_t identity; /* whose lock is taken with the node lock; 0: nobody's */
	bool adds; /* and for an ADD of it */
	bool looks; /* or a CHECK, beside others */
	bool removes; /* DEL, GC: goes on where there is no room for a lock's file */
	bool present; /* until the end others can tell that somebody is at work on it */
};

/*
 * Lock files, one a network namespace, named by its inode: what shares the namespace (a
 * node agent with hostNetwork) must share this directory. Only root can open them:
 * whoever can open a file can hold it locked.
 */
#define NODE_LOCK_DIR "/run/bridge-cni"

#define NODE_CLOSED                     \
	{                               \
		.ns = -1, .lock_fd = -1 \
	}

/* Opens the node's side: namespace and connection. Code 101. */
int node_open(struct node *ret_node, struct cni_error *err);

/*
 * The connection for nftables, opened at the first call. It stays until node_close():
 * after an element was deleted its end waits for the kernel, which holds up what deletes
 * links.
 */
int node_nftables(struct node *node, struct netlink **ret_netlink, struct cni_error *err);

/* Releases everything, the lock too; a closed or half-open one is fine. */
void node_close(struct node *node);

/*
 * Takes the node lock of this network namespace, or goes from shared to exclusive: the
 * lock is then free for a moment, so look again. Exclusive stays exclusive. It ends with
 * the process, however that ends. Code 11 after NODE_LOCK_SECONDS.
 *
 * Where @node->identity is set, operations on that one attachment exclude each other,
 * too: two bytes of the lock file are the attachment's. Going from shared to exclusive
 * keeps them. A DEL may come in while somebody has given the lock back to wait; an ADD
 * begins only when nobody is at work on the attachment any more, waiting or not.
 */
int node_lock(struct node *node, enum node_lock lock, struct cni_error *err);

/* Goes from exclusive to shared; the lock may be free for a moment. Otherwise as
 * node_lock(), and nothing where it isn't exclusive. */
int node_share(struct node *node, struct cni_error *err);

/*
 * Is an ADD or DEL of that attachment under way, if only waiting to go from shared to
 * exclusive? Asked under the exclusive lock.
 */
bool node_is_changing(const struct node *node, uint64_t identity);

/* Gives it back before the operation ends (it waits for something slow). */
void node_unlock(struct node *node);

#endif
