/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose doing it is stands among the gateway addresses that the network gave: 127.0.0.0/8. */
#include "localnet.h"

#include <errno.h>
#include <sys/socket.h>

#include "../ipam/ipam.h"
#include "sysctl.h"

#define SYSCTL "ipv4/conf/%s/route_localnet"

static const struct ip_prefix loopback = {{AF_INET, {127}}, 8};

int localnet_ensure(struct attachment *att, const char *ifname, struct cni_error *err)
{
	int on = 0, ret = sysctl_get(&on, err, SYSCTL, ifname);

	if (ret == 0 && !on)
		ret = ipam_gateway_note(att, ifname, &loopback, err);
	if (ret == 0)
		ret = sysctl_ensure(1, err, SYSCTL, ifname);
	return ret == -ENOENT && !err->code ? 0 : ret;
}

int localnet_remove(struct attachment *net, const char *ifname, bool *ret_removed,
		    struct cni_error *err)
{
	int on = 0, ret = sysctl_get(&on, err, SYSCTL, ifname);

	*ret_removed = ret == 0 && on && ipam_gateway_is_ours(net, ifname, &loopback);
	if (*ret_removed)
		ret = sysctl_ensure(0, err, SYSCTL, ifname);
	return ret == -ENOENT && !err->code ? 0 : ret;
}
