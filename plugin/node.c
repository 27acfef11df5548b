/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The namespaces of an operation. The node lock is an flock() on the namespace file
 * itself: one per network namespace without a file anywhere, gone with its holder.
 */
#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "../ipam/lock.h"

#define OWN_NS "/proc/self/ns/net"

int node_open(struct node *ret_node, struct cni_error *err)
{
	struct node node = NODE_CLOSED;
	int ret;

	node.ns = open(OWN_NS, O_RDONLY | O_CLOEXEC);
	if (node.ns < 0)
		return error_errno(err, CNI_ERR_IO, errno,
				   "opening " OWN_NS " (is /proc mounted?)");
	ret = netlink_open(NETLINK_FOR_ROUTE, &node.rtnl, err);
	if (ret < 0) {
		node_close(&node);
		return ret;
	}
	*ret_node = node;
	return 0;
}

static bool is_net_ns(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC &&
	       ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

static bool same_file(int a, int b)
{
	struct stat stat_a, stat_b;

	return fstat(a, &stat_a) == 0 && fstat(b, &stat_b) == 0 &&
	       stat_a.st_dev == stat_b.st_dev && stat_a.st_ino == stat_b.st_ino;
}

static int pod_connect(void *data, struct cni_error *err)
{
	return netlink_open(NETLINK_FOR_ROUTE, data, err);
}

int node_open_pod(struct node *node, const struct cni_env *env, struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;

	/* O_NONBLOCK: a FIFO of that name must not hold us up. */
	fd = open(env->netns, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error_errno(
			err, CNI_ERR_UNKNOWN_CONTAINER, errno,
			"CNI_NETNS: %s: the container's network namespace is gone",
			env->netns);
	if (fd < 0)
		return error_errno(err, CNI_ERR_ENVIRONMENT, errno, "CNI_NETNS: %s",
				   env->netns);
	if (!is_net_ns(fd))
		return error_set(
			err, CNI_ERR_ENVIRONMENT, EINVAL,
			"CNI_NETNS: %s is not a network namespace (a mount of one "
			"may not have reached this mount namespace)",
			env->netns);
	if (!env->netns_override && same_file(fd, node->ns))
		return error_set(
			err, CNI_ERR_NETNS, EINVAL,
			"CNI_NETNS: %s is the network namespace that this plugin "
			"runs in; set CNI_NETNS_OVERRIDE=1 if that is meant",
			env->netns);
	node->pod_ns = TAKE_FD(fd);
	return node_in_pod(node, pod_connect, &node->pod_rtnl, err);
}

void node_close(struct node *node)
{
	netlink_close(node->pod_rtnl);
	netlink_close(node->rtnl);
	close_p(&node->pod_ns);
	close_p(&node->ns);
	*node = (struct node)NODE_CLOSED;
}

int node_lock(struct node *node, enum node_lock lock, struct cni_error *err)
{
	struct stat ns = {};
	int ret;

	if (node->lock >= lock)
		return 0;
	/* flock() would keep the shared lock while it waits: two that want more would
	 * wait for each other. */
	if (node->lock != NODE_UNLOCKED)
		flock(node->ns, LOCK_UN);
	node->lock = NODE_UNLOCKED;

	ret = flock_wait(node->ns, lock == NODE_EXCLUSIVE ? LOCK_EX : LOCK_SH,
			 NODE_LOCK_SECONDS * 1000);
	if (ret == -ETIMEDOUT) {
		fstat(node->ns, &ns);
		return error_set(
			err, CNI_ERR_TRY_AGAIN, EAGAIN,
			"the node lock (flock on " OWN_NS
			", inode %lu in /proc/locks) was not free for %d seconds",
			(unsigned long)ns.st_ino, NODE_LOCK_SECONDS);
	}
	if (ret < 0)
		return error_errno(err, CNI_ERR_IO, -ret, "locking " OWN_NS);
	node->lock = lock;
	return 0;
}

int node_in_pod(struct node *node, int (*fn)(void *data, struct cni_error *), void *data,
		struct cni_error *err)
{
	int ret;

	if (setns(node->pod_ns, CLONE_NEWNET) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "entering the container's network namespace");
	ret = fn(data, err);
	/* In the wrong namespace nothing may go on, not even cleaning up. */
	if (setns(node->ns, CLONE_NEWNET) < 0)
		abort();
	return ret;
}
