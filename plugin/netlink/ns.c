/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads from a connection's socket which namespace it is in. No message is sent. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "netlink.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

#define OWN_NS "/proc/self/ns/net"

uint64_t netlink_cookie(const struct netlink *nl)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(netlink_fd(nl), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0
		       ? 0
		       : cookie;
}

int netlink_ns(const struct netlink *nl, int *ret_fd, struct cni_error *err)
{
	int fd = ioctl(netlink_fd(nl), SIOCGSKNS);

	/* Without NET_ADMIN the namespace can still be opened; the error is then of what
	 * was to be done in it. */
	if (fd < 0 && errno == EPERM)
		fd = open(OWN_NS, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno,
				   "opening this network namespace");
	*ret_fd = fd;
	return 0;
}
