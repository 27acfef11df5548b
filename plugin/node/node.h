/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node as an operation uses it: its network namespace, connections to that, and the
 * node lock. pod_ns.h has the pod's namespace. The structure is never copied: all
 * that work on the same node share it.
 */
#ifndef BRIDGE_CNI_PLUGIN_NODE_NODE_H
#define BRIDGE_CNI_PLUGIN_NODE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/base/flock.h"
#include "plugin/netlink/netlink.h"

/* How long an operation waits for others before it gives up with code 11. */
#define NODE_LOCK_SECONDS 30

enum node_lock {
	NODE_UNLOCKED,
	NODE_SHARED, /* to make and remove what belongs to one attachment */
	NODE_EXCLUSIVE, /* to make, change and remove what attachments share */
};

struct node {
	int ns; /* the node's own namespace */
	int lock_fd; /* -1: not opened yet */
	struct netlink *rtnl; /* connection to the node's namespace */
	struct netlink *nftables; /* another one, for nftables; NULL: not opened yet */
	struct signs_found *signs; /* of pod_signs.h; NULL: none; owned */
	enum node_lock lock;
	unsigned int gaps; /* how often the lock was free for a moment, once it was had */
	/* of the attachment that is locked together with the node; 0: none */
	uint64_t identity;
	bool adds; /* that lock is for an ADD */
	bool looks; /* that lock is for a CHECK, and shared with others */
	/* DEL, GC: they go on where there is no room for the file of a lock */
	bool removes;
	/* show, doctor: the kernel is asked nothing for which it would load a module */
	bool loads_nothing;
	/* others see that somebody is at work on the attachment, until the end */
	bool present;
	flock_tell_fn tell_wait; /* a person waits for the outcome; NULL: nobody does */
};

/*
 * The directory of lock files: one for each network namespace, named by its inode. A
 * program that shares the namespace (a node agent with hostNetwork) must share this
 * directory. Only root can open the files, since everybody who can open a file can hold
 * it locked.
 */
#define NODE_LOCK_DIR "/run/bridge-cni"

#define NODE_CLOSED                     \
	{                               \
		.ns = -1, .lock_fd = -1 \
	}

/* Opens the namespace that the process is in, and a connection to it. Code 101. */
int node_open(struct node *ret_node, struct cni_error *err);

/*
 * Gives the connection for nftables, which is opened at the first call and stays until
 * node_close(): once an element was deleted, closing it waits for the kernel, and links
 * can't be deleted meanwhile. -EPROTONOSUPPORT: nf_tables is not loaded, and must not be
 * by looking (@node->loads_nothing). Code 101.
 */
int node_nftables(struct node *node, struct netlink **ret_netlink, struct cni_error *err);

/* Releases everything, the lock included. @node may be closed or half open. */
void node_close(struct node *node);

/*
 * Takes the node lock of this network namespace, or goes from shared to exclusive: the
 * lock is then free for a moment, so look again at what was seen before. An exclusive
 * lock stays exclusive. The lock ends with the process, however that ends. Code 11 after
 * NODE_LOCK_SECONDS; code 5.
 *
 * Where @node->identity is set, operations on that one attachment exclude each other,
 * too: two bytes of the lock file are the attachment's. They stay locked while the lock
 * goes from shared to exclusive. A DEL may begin while somebody has given the lock back
 * to wait; an ADD begins only when nobody is at work on the attachment any more, waiting
 * or not.
 */
int node_lock(struct node *node, enum node_lock lock, struct cni_error *err);

/* Goes from an exclusive lock to a shared one; the lock may be free for a moment. Does
 * nothing where the lock isn't exclusive. Errors as node_lock(). */
int node_share(struct node *node, struct cni_error *err);

/* Is an ADD or DEL of that attachment under way, if only waiting to go from shared to
 * exclusive? The caller has the exclusive lock. */
bool node_is_changing(const struct node *node, uint64_t identity);

/* Gives the lock back before the operation ends, as it waits for something slow. */
void node_unlock(struct node *node);

#endif
