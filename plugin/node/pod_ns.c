/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens a pod's namespace, and goes into it for a moment. */
#include "pod_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "netns_path.h"

#define HOME_POLL_MS   10
#define HOME_TRIES_MAX 500

/* 0; -EMEDIUMTYPE: it is no network namespace; or -errno: that can't be told. */
static int net_ns_check(int fd)
{
	struct statfs fs;
	int type;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != NSFS_MAGIC)
		return -EMEDIUMTYPE;
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0 && errno != ENOTTY)
		return -errno;
	return type == CLONE_NEWNET ? 0 : -EMEDIUMTYPE;
}

static bool same_file(int a, int b)
{
	struct stat stat_a, stat_b;

	return fstat(a, &stat_a) == 0 && fstat(b, &stat_b) == 0 &&
	       stat_a.st_dev == stat_b.st_dev && stat_a.st_ino == stat_b.st_ino;
}

static int connect_to(void *data, struct cni_error *err)
{
	return netlink_open(NETLINK_FOR_ROUTE, data, err);
}

int pod_ns_open_fd(const char *path, int *ret_fd)
{
	/* O_NONBLOCK: a FIFO of that name must not hold us up. */
	_cleanup_(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int ret = fd < 0 ? -errno : net_ns_check(fd);

	if (ret == 0)
		*ret_fd = TAKE_FD(fd);
	return ret;
}

int pod_ns_open(const struct node *node, const char *path, bool may_be_own,
		struct pod_ns *ret_ns, struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;
	int ret = pod_ns_open_fd(path, &fd);

	if (ret < 0)
		return netns_path_error(path, -ret, err);
	if (!may_be_own && same_file(fd, node->ns))
		return error_set(
			err, CNI_ERR_NETNS, EINVAL,
			"CNI_NETNS: %s is the network namespace that this plugin "
			"runs in; set CNI_NETNS_OVERRIDE=1 if that is meant",
			path);
	ret_ns->fd = TAKE_FD(fd);
	return pod_ns_run(node, ret_ns->fd, connect_to, &ret_ns->rtnl, err);
}

void pod_ns_close(struct pod_ns *ns)
{
	netlink_close(ns->rtnl);
	close_p(&ns->fd);
	*ns = POD_NS_CLOSED;
}

/*
 * Goes back to the node's namespace. It tries again, as memory may be short for a moment,
 * and aborts in the end: whatever came next, cleaning up included, would be done to the
 * pod's namespace.
 */
static void go_home(const struct node *node)
{
	for (int i = 0; setns(node->ns, CLONE_NEWNET) < 0; i++) {
		if (i == HOME_TRIES_MAX)
			abort();
		nanosleep(&(struct timespec){.tv_nsec = HOME_POLL_MS * 1000000L}, NULL);
	}
}

int pod_ns_run(const struct node *node, int fd,
	       int (*fn)(void *data, struct cni_error *err), void *data,
	       struct cni_error *err)
{
	int ret;

	if (setns(fd, CLONE_NEWNET) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "entering the container's network namespace%s",
				   errno == EPERM ? " (bridge-cni must run as root)"
						  : "");
	ret = fn(data, err);
	go_home(node);
	return ret;
}

static int cookie_get(void *data, struct cni_error *err)
{
	struct netlink *nl = NULL;
	int ret = netlink_open(NETLINK_FOR_ROUTE, &nl, err);

	if (ret == 0)
		*(uint64_t *)data = netlink_cookie(nl);
	netlink_close(nl);
	return ret;
}

uint64_t pod_ns_cookie(const struct node *node, int fd)
{
	uint64_t cookie = 0;

	return pod_ns_run(node, fd, cookie_get, &cookie, NULL) == 0 ? cookie : 0;
}
