/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accept_ra.h"

#include <errno.h>

#include "sysctl.h"

#define SYSCTL "ipv6/conf/%s/accept_ra"

/* An interface that forwards takes router advertisements only where accept_ra is 2. */
static bool takes_them(const struct link *link)
{
	return link->ipv6.disabled <= 0 &&
	       (link->ipv6.accept_ra > 1 ||
		(link->ipv6.accept_ra == 1 && link->ipv6.forwarding <= 0));
}

bool accept_ra_is_off(const struct link *link)
{
	return link->ipv6.accept_ra <= 0 ||
	       (!takes_them(link) && !sysctl_is_writable(SYSCTL, link->name));
}

int accept_ra_off(const struct link *link, struct cni_error *err)
{
	int ret = sysctl_ensure(0, err, SYSCTL, link->name);

	if (ret == -ENOENT)
		return 0; /* a kernel without IPv6 */
	return ret < 0 && !takes_them(link) ? error_clear(err) : ret;
}
