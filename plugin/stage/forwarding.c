/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at parameters that are off, and turns them on. The gateway's own one comes with
 * what the kernel answers about the bridge anyway. */
#include "forwarding.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "plugin/attachment/report.h"
#include "plugin/netlink/netconf.h"
#include "plugin/netlink/route.h"
#include "plugin/node/node.h"
#include "plugin/node/sysctl.h"
#include "plugin/node/uplink.h"

#define SYSCTL4 "ipv4/conf/%s/forwarding"

static const char *all_path(int family)
{
	return family == AF_INET ? SYSCTL_ROOT "ipv4/ip_forward"
				 : SYSCTL_ROOT "ipv6/conf/all/forwarding";
}

static const char *all_name(int family)
{
	return all_path(family) + strlen(SYSCTL_ROOT);
}

const char *forwarding_name(const char *ifname, char buf[FORWARDING_NAME_MAX])
{
	snprintf(buf, FORWARDING_NAME_MAX, SYSCTL_ROOT SYSCTL4, ifname);
	return buf;
}

int forwarding_all_get(struct netlink *nl, int family, bool *ret_on,
		       struct cni_error *err)
{
	int ret = netconf_forwarding_get(nl, family, ret_on, err);

	if (ret == NETCONF_ABSENT)
		return error_set(err, CNI_ERR_KERNEL, EAFNOSUPPORT,
				 "forwarding: the kernel has no %s", all_path(family));
	return ret;
}

/* Does the interface forward by itself? IPv6 looks at that only where the switch for all
 * is off; IPv4 doesn't look at the switch for all. */
static bool forwards(const struct link *link, int family)
{
	return family == AF_INET ? link->ipv4.forwarding != 0
				 : link->ipv6.force_forwarding > 0;
}

/* Lists the uplinks that don't forward, and counts all of them. */
static int closed_find(struct netlink *nl, int family, struct link_list *ret_closed,
		       size_t *ret_uplinks, struct cni_error *err)
{
	struct link_list list = {};
	size_t closed = 0;
	int ret = uplink_list_get(nl, family, &list, err);

	if (ret < 0)
		return ret;
	*ret_uplinks = list.n;
	for (size_t i = 0; i < list.n; i++)
		if (!forwards(&list.items[i], family))
			list.items[closed++] = list.items[i];
	list.n = closed;
	*ret_closed = list;
	return 0;
}

int forwarding_closed_uplinks(struct netlink *nl, struct link_list *ret_list,
			      struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list closed = {};
	size_t uplinks;
	bool on = true;
	int ret = closed_find(nl, AF_INET, &closed, &uplinks, err);

	/* Where the switch for all is off, ADD turns it on, and the uplinks with it. */
	if (ret == 0 && closed.n > 0)
		ret = forwarding_all_get(nl, AF_INET, &on, err);
	if (ret < 0)
		return ret;
	*ret_list = (struct link_list){};
	if (on) {
		*ret_list = closed;
		closed = (struct link_list){};
	}
	return 0;
}

int forwarding_tell_uplinks(struct attachment *att, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list closed = {};
	int ret = forwarding_closed_uplinks(att->op->node.rtnl, &closed, err);

	for (size_t i = 0; ret == 0 && i < closed.n; i++)
		notice(&att->op->notices,
		       "forwarding: expected %s 1, found 0: what comes back to "
		       "pods is dropped there",
		       FORWARDING_NAME(closed.items[i].name));
	return ret;
}

/* Do @gateway and all uplinks forward by themselves? Without an uplink the answer is
 * no. */
static int is_open(struct netlink *nl, const struct link *gateway, int family,
		   bool *ret_open, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list closed = {};
	size_t uplinks = 0;
	int ret = forwards(gateway, family)
			  ? closed_find(nl, family, &closed, &uplinks, err)
			  : 0;

	if (ret == 0)
		*ret_open = uplinks > 0 && closed.n == 0;
	return ret;
}

/* Keeps the routes that the node has from router advertisements: a node that forwards
 * ignores these where accept_ra is 1. */
static int ra_routes_keep(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	struct kernel_route_list routes = {};
	struct link link;
	int ret;

	ret = route_list_get(nl, AF_INET6, &routes, err);
	for (size_t i = 0; ret == 0 && i < routes.n; i++) {
		const struct kernel_route *route = &routes.items[i];

		if (route->protocol != RTPROT_RA || !route->index ||
		    route->index == att->bridge_index ||
		    route->index == att->gateway_index)
			continue;
		ret = link_get_by_index(nl, route->index, &link, err);
		if (ret < 0 || !link.index)
			continue;
		if (link.ipv6.accept_ra == 1)
			ret = sysctl_ensure(2, err, "ipv6/conf/%s/accept_ra", link.name);
		if (ret == SYSCTL_ABSENT)
			ret = 0; /* the interface went meanwhile */
	}
	kernel_route_list_clear(&routes);
	return ret;
}

static int all_turn_on(struct attachment *att, int family, struct cni_error *err)
{
	int ret = family == AF_INET6 ? ra_routes_keep(att, err) : 0;

	if (ret == 0)
		ret = sysctl_ensure(1, err, "%s", all_name(family));
	if (ret == 0)
		report_done(att, "forwarding: %s", all_path(family));
	return ret < 0 ? ret : 0;
}

/* Turns on forwarding for the gateway's interface: conf.default.forwarding was 0 when it
 * was made, or somebody turned it off since. */
static int gateway_turn_on(struct attachment *att, struct cni_error *err)
{
	int ret = sysctl_ensure(1, err, SYSCTL4, att->gateway_ifname);

	if (ret == 0)
		report_done(att, "forwarding: %s", FORWARDING_NAME(att->gateway_ifname));
	if (ret == SYSCTL_ABSENT)
		return error_set(err, CNI_ERR_TRY_AGAIN, ENODEV,
				 "forwarding: somebody deleted %s meanwhile",
				 att->gateway_ifname);
	return ret;
}

/* Turns on what is off. The exclusive lock is held. */
static int turn_on(struct attachment *att, int family, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	struct link gateway = {};
	bool on = false, open = false;
	int ret = forwarding_all_get(nl, family, &on, err);

	if (ret == 0)
		ret = link_get(nl, att->gateway_ifname, &gateway, err);
	if (ret == 0 && !on)
		ret = is_open(nl, &gateway, family, &open, err);
	if (ret == 0 && !on && !open) {
		ret = all_turn_on(att, family, err);
		if (ret == 0) /* turning on all has changed each interface */
			ret = link_get(nl, att->gateway_ifname, &gateway, err);
	}
	if (ret < 0 || family != AF_INET || forwards(&gateway, family))
		return ret;
	return gateway_turn_on(att, err);
}

int forwarding_ensure(struct attachment *att, int family, struct cni_error *err)
{
	bool on = false;
	int ret = forwarding_all_get(att->op->node.rtnl, family, &on, err);

	if (ret < 0 || (on && (family == AF_INET6 || att->gateway_forwards)))
		return ret;
	ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = turn_on(att, family, err);
	if (ret == 0)
		att->gateway_forwards = true;
	return ret;
}

static int off_error(const char *name, const char *why, struct cni_error *err)
{
	return error_set(err, CNI_ERR_CHECK, EINVAL,
			 "forwarding: expected %s 1, found 0%s", name, why);
}

static int uplinks_check(struct netlink *nl, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list closed = {};
	int ret = forwarding_closed_uplinks(nl, &closed, err);

	if (ret < 0 || closed.n == 0)
		return ret;
	return off_error(FORWARDING_NAME(closed.items[0].name),
			 ": the node reaches the world by that interface, and what comes "
			 "back to pods is dropped there",
			 err);
}

int forwarding_check(struct attachment *att, int family, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	struct link gateway = {};
	bool on = false, open = false;
	int ret = forwarding_all_get(nl, family, &on, err);

	if (ret == 0 && !on) {
		ret = link_get(nl, att->gateway_ifname, &gateway, err);
		if (ret == 0)
			ret = is_open(nl, &gateway, family, &open, err);
		if (ret == 0 && !open)
			return off_error(all_path(family), "", err);
	}
	if (ret < 0 || family == AF_INET6)
		return ret;
	if (!att->gateway_forwards)
		return off_error(FORWARDING_NAME(att->gateway_ifname), "", err);
	return uplinks_check(nl, err);
}
