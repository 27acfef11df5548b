/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pod's network namespace, and a connection to it. Never copied. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_POD_NS_H
#define BRIDGE_CNI_PLUGIN_NODE_POD_NS_H

#include "node.h"

struct pod_ns {
	int fd; /* -1: not open; owned */
	struct netlink *rtnl; /* connection to it; NULL: not open; owned */
};
#define POD_NS_CLOSED ((struct pod_ns){.fd = -1})

/*
 * Opens the namespace at @path, which CNI_NETNS has, and a connection to it. Code 3: the
 * path is not there; 4: it is no network namespace; 8: it is the node's own, and not
 * @may_be_own (CNI_NETNS_OVERRIDE); 101.
 */
int pod_ns_open(const struct node *node, const char *path, bool may_be_own,
		struct pod_ns *ret_ns, struct cni_error *err);

/* Closes both. @ns may be closed already. */
void pod_ns_close(struct pod_ns *ns);

/* Opens the network namespace at @path. Returns -errno, or -EMEDIUMTYPE: it is none. */
int pod_ns_open_fd(const char *path, int *ret_fd);

/* Runs @fn in the namespace @fd, for files below /proc/sys/net, and comes back to the
 * node's namespace. Code 101, and the errors of @fn. */
int pod_ns_run(const struct node *node, int fd,
	       int (*fn)(void *data, struct cni_error *err), void *data,
	       struct cni_error *err);

/* Gives the cookie of the network namespace @fd; 0: it can't be told. */
uint64_t pod_ns_cookie(const struct node *node, int fd);

#endif
