/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ioctl is all that old kernels have, and takes no name of a feature, which changes from
 * kernel to kernel. */
#include "tx_checksum.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int ethtool(const char *ifname, struct ethtool_value *value, const char *what,
		   struct cni_error *err)
{
	_cleanup_(close_p) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_data = (char *)value};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
		return error_errno(err, CNI_ERR_KERNEL, errno, "%s of %s", what, ifname);
	return 0;
}

int tx_checksum_off(const char *ifname, struct cni_error *err)
{
	struct ethtool_value value = {.cmd = ETHTOOL_STXCSUM, .data = 0};

	return ethtool(ifname, &value, "turning off tx checksumming", err);
}

int tx_checksum_get(const char *ifname, bool *ret_on, struct cni_error *err)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GTXCSUM};
	int ret = ethtool(ifname, &value, "asking about tx checksumming", err);

	if (ret == 0)
		*ret_on = value.data != 0;
	return ret;
}
