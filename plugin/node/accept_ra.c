/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accept_ra.h"

#include <errno.h>

#include "sysctl.h"

#define SYSCTL "ipv6/conf/%s/accept_ra"

/* An interface that forwards takes router advertisements only where accept_ra is 2. */
static bool would_take(int accept_ra, int forwarding, int disabled)
{
	return disabled <= 0 && (accept_ra > 1 || (accept_ra == 1 && forwarding <= 0));
}

static bool takes_them(const struct link *link)
{
	return would_take(link->ipv6.accept_ra, link->ipv6.forwarding,
			  link->ipv6.disabled);
}

/* An interface that isn't there yet has no parameter that could be set. */
#define WHAT_HELPS_NEW                                                                  \
	"an interface takes over net.ipv6.conf.default.accept_ra when it is made: set " \
	"that to 0 on the node, or turn IPv6 forwarding on (net.ipv6.conf.all.forwarding)"

bool accept_ra_is_off(const struct link *link)
{
	return link->ipv6.accept_ra <= 0 ||
	       (!takes_them(link) && !sysctl_is_writable(SYSCTL, link->name));
}

int accept_ra_off(const struct link *link, struct cni_error *err)
{
	int ret = sysctl_ensure(0, err, SYSCTL, link->name);

	if (ret == SYSCTL_ABSENT)
		return 0; /* a kernel without IPv6 */
	if (ret < 0 && !takes_them(link))
		return error_clear(err);
	if (ret == -EROFS || ret == -EACCES || ret == -EPERM)
		error_details(err, WHAT_HELPS_NEW);
	return ret;
}

int accept_ra_status(struct cni_error *err)
{
	static const char *const names[] = {"accept_ra", "forwarding", "disable_ipv6"};
	int values[ARRAY_SIZE(names)] = {}, ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(names); i++)
		ret = sysctl_get(&values[i], err, "ipv6/conf/default/%s", names[i]);
	if (ret != 0)
		return ret == SYSCTL_ABSENT ? 0 : ret;
	if (!would_take(values[0], values[1], values[2]) ||
	    sysctl_is_writable("ipv6/conf/default/accept_ra"))
		return 0;
	ret = error_set(err, CNI_ERR_UNAVAILABLE, EROFS,
			"the bridge, when it is made, would take router advertisements "
			"of pods, and parameters in " SYSCTL_ROOT " can't be written");
	error_details(err, WHAT_HELPS_NEW);
	return ret;
}
