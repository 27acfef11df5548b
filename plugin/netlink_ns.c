/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection tells of its namespace without a message. */
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "netlink.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

unsigned int netlink_ifindex(const struct netlink *nl, const char *ifname)
{
	struct ifreq request = {};

	strncpy(request.ifr_name, ifname, sizeof(request.ifr_name) - 1);
	if (ioctl(netlink_fd(nl), SIOCGIFINDEX, &request) < 0)
		return 0;
	return request.ifr_ifindex;
}

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

	if (fd < 0)
		return error_errno(
			err, CNI_ERR_KERNEL, errno, "opening this network namespace%s",
			errno == EPERM ? " (bridge-cni must run as root)" : "");
	*ret_fd = fd;
	return 0;
}
