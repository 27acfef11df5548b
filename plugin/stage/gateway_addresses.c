/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adds missing gateway addresses to the bridge, or to the VLAN's interface, and removes
 * the addresses in their place (gateway_places.c) where that may be.
 */
#include "gateway_places.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/route.h"
#include "plugin/node/node.h"
#include "plugin/node/sysctl.h"
#include "gateway_users.h"

/* Writes missing gateway addresses down before they are added: nobody would remove one
 * that nobody knows of. */
static int missing_note(struct attachment *att, const struct addr_list *list,
			struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < att->ipam.ips.n; i++) {
		const struct ip_config *ip = &att->ipam.ips.items[i];
		struct ip_prefix gateway = gateway_prefix(ip);

		if (gateway_is_missing(att, ip, list))
			ret = ipam_gateway_add(&att->ipam_env, att->gateway_ifname,
					       &gateway, err);
	}
	return ret;
}

/* Tells whom forceAddress has taken the gateway from, as the ADD succeeds. An address
 * that the network itself has left, and that no pod uses, is not worth a word. */
static int displaced_tell(struct attachment *att, const struct ip_prefix *stranger,
			  struct cni_error *err)
{
	struct gateway_users users = {};
	int ret = gateway_users_count(att, stranger, &users, err);
	size_t n = users.own + users.others;

	if (ret < 0 || (n == 0 && ipam_gateway_is_ours(&att->ipam_env,
						       att->gateway_ifname, stranger)))
		return ret;
	report_done(att, "forceAddress: removed %s from %s", PREFIX_TEXT(stranger),
		    att->gateway_ifname);
	if (attachment_is_repaired(att)) /* The report says it. */
		return 0;
	if (n == 0)
		notice(&att->op->notices,
		       "forceAddress: %s loses %s, which is in the place of the "
		       "gateway address",
		       att->gateway_ifname, PREFIX_TEXT(stranger));
	else
		notice(&att->op->notices,
		       "forceAddress: %s loses %s, the gateway of %zu pod%s, "
		       "which reach%s only %s subnet from now on",
		       att->gateway_ifname, PREFIX_TEXT(stranger), n, n == 1 ? "" : "s",
		       n == 1 ? "es" : "", n == 1 ? "its own" : "their own");
	return 0;
}

/* Queues the removal of the addresses in the place of missing gateways, the last one
 * first: with a subnet's first address the kernel removes its later ones. */
static int queue_displaced(struct attachment *att, const struct addr_list *list,
			   const struct addr_list *strangers, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = strangers->n; ret == 0 && i-- > 0;) {
		if (!gateway_displaced(att, list, &strangers->items[i]))
			continue;
		queue_addr_del(att->op->node.rtnl, att->gateway_index,
			       att->gateway_ifname, &strangers->items[i]);
		/* An address without a subnet is the gateway itself, which gets its subnet:
		 * nothing has to be told. */
		if (att->network->force_address &&
		    strangers->items[i].len < ip_bits(strangers->items[i].addr.family))
			ret = displaced_tell(att, &strangers->items[i], err);
	}
	return ret;
}

/* Counts the gateway addresses that are missing in @list. @queue: queues their addition,
 * too. */
static size_t missing_count(struct attachment *att, const struct addr_list *list,
			    bool queue)
{
	size_t missing = 0;

	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		const struct ip_config *ip = &att->ipam.ips.items[i];
		struct ip_prefix gateway = gateway_prefix(ip);

		if (!gateway_is_missing(att, ip, list))
			continue;
		missing++;
		if (queue)
			report_done(att, "gateway address %s on %s",
				    PREFIX_TEXT(&gateway), att->gateway_ifname);
		if (queue)
			queue_addr_add(att->op->node.rtnl, att->gateway_index,
				       att->gateway_ifname, &gateway, false);
	}
	return missing;
}

static int addresses_missing(struct attachment *att, size_t *ret_missing,
			     struct cni_error *err)
{
	struct addr_list list = {};
	int ret = addr_list_get(att->op->node.rtnl, att->gateway_index, AF_UNSPEC, &list,
				err);

	if (ret == 0)
		*ret_missing = missing_count(att, &list, false);
	addr_list_clear(&list);
	return ret;
}

/* Sends what is queued. Somebody who doesn't take the node lock may have been quicker,
 * with one address or with all. */
static int missing_commit(struct attachment *att, struct cni_error *err)
{
	size_t missing = 0;
	int ret = netlink_commit(att->op->node.rtnl, err);

	if (ret != -EEXIST)
		return ret;
	error_clear(err);
	ret = addresses_missing(att, &missing, err);
	if (ret == 0 && missing > 0)
		return error_set(err, CNI_ERR_TRY_AGAIN, EAGAIN,
				 "bridge: somebody else changes the addresses of %s "
				 "meanwhile",
				 att->gateway_ifname);
	return ret;
}

static int missing_add(struct attachment *att, const struct addr_list *list,
		       struct cni_error *err)
{
	struct addr_list strangers = {};
	int ret = gateway_strangers(att, list, &strangers, err);

	if (ret == 0)
		ret = gateway_places_check(att, list, &strangers, err);
	if (ret == 0)
		ret = missing_note(att, list, err);
	if (ret == 0)
		ret = queue_displaced(att, list, &strangers, err);
	if (ret == 0) {
		missing_count(att, list, true);
		ret = missing_commit(att, err);
	}
	addr_list_clear(&strangers);
	return ret;
}

/* Adds what is missing, after a look at everything. The exclusive lock is held. */
static int addresses_complete(struct attachment *att, struct cni_error *err)
{
	struct addr_list list = {};
	int ret = addr_list_get(att->op->node.rtnl, att->gateway_index, AF_UNSPEC, &list,
				err);

	if (ret == 0 && missing_count(att, &list, false) > 0)
		ret = missing_add(att, &list, err);
	addr_list_clear(&list);
	return ret;
}

/* Turns on IPv6 for the bridge, which a node may have off by default, and has the kernel
 * keep the addresses when the bridge is set down, where it can. */
static int bridge_ipv6_enable(struct attachment *att, struct cni_error *err)
{
	int ret = sysctl_enable_ipv6(att->gateway_ifname, err);

	if (ret == 0)
		(void)sysctl_ensure(1, NULL, "ipv6/conf/%s/keep_addr_on_down",
				    att->gateway_ifname);
	return ret;
}

/* Lacks the node a route to the pods of @ip's subnet? A gateway's address brings one
 * along, unless it is a link-local one or stands @alone, without the subnet. */
static int subnet_route_missing(struct attachment *att, const struct ip_config *ip,
				bool alone, bool *ret_missing, struct cni_error *err)
{
	struct kernel_route_list list = {};
	bool missing = alone || ip_is_link_local6(&ip->gateway);
	int ret = missing ? route_to(att->op->node.rtnl, &ip->address.addr, &list, err)
			  : 0;

	for (size_t i = 0; i < list.n; i++)
		missing = missing && list.items[i].index != att->gateway_index;
	kernel_route_list_clear(&list);
	if (ret == 0)
		*ret_missing = missing;
	return ret;
}

static int subnet_route_ensure(struct attachment *att, const struct ip_config *ip,
			       struct cni_error *err)
{
	const struct route route = {.dst = prefix_network(&ip->address)};
	bool missing = false;
	int ret = subnet_route_missing(att, ip, false, &missing, err);

	if (ret < 0 || !missing)
		return ret;
	ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = ipam_gateway_add(&att->ipam_env, att->gateway_ifname, &route.dst,
				       err);
	if (ret < 0)
		return ret;
	queue_route_add(att->op->node.rtnl, att->gateway_index, att->gateway_ifname,
			&route, true);
	ret = netlink_commit(att->op->node.rtnl, err);
	if (ret == -EEXIST) /* another ADD was quicker */
		ret = error_clear(err);
	if (ret == 0)
		report_done(att, "route to %s through %s", PREFIX_TEXT(&route.dst),
			    att->gateway_ifname);
	return ret;
}

#define IPV6_CONNECTED_METRIC 256 /* IP6_RT_PRIO_ADDRCONF of the kernel */

/* Would the node send to the pod's address by another way than the gateway's interface,
 * although the gateway is there with its subnet? */
static int leads_elsewhere(struct attachment *att, const struct ip_config *ip,
			   bool *ret_elsewhere, struct cni_error *err)
{
	struct ip_prefix gateway = gateway_prefix(ip);
	struct kernel_route_list routes = {};
	struct addr_list list = {};
	bool elsewhere = false;
	int ret = addr_list_get(att->op->node.rtnl, att->gateway_index,
				gateway.addr.family, &list, err);

	if (ret == 0 && addr_list_has(&list, &gateway) &&
	    gateway.len < ip_bits(gateway.addr.family)) {
		ret = route_to(att->op->node.rtnl, &ip->address.addr, &routes, err);
		elsewhere = ret == 0;
	}
	for (size_t i = 0; i < routes.n; i++)
		elsewhere = elsewhere && routes.items[i].index != att->gateway_index;
	kernel_route_list_clear(&routes);
	addr_list_clear(&list);
	if (ret == 0)
		*ret_elsewhere = elsewhere;
	return ret;
}

/* A repair puts the route back that the kernel made along with the gateway's address. It
 * is the kernel's in each property, because it goes with the address then. To take the
 * address away and add it again would bring it too, but what other programs keep of the
 * address would be lost. Another route to the subnet is somebody's, and stays. */
static int connected_route_ensure(struct attachment *att, const struct ip_config *ip,
				  struct cni_error *err)
{
	struct kernel_route wanted = {
		.route.dst = prefix_network(&ip->address),
		.index = att->gateway_index,
		.protocol = RTPROT_KERNEL,
	};
	bool elsewhere = false;
	int ret = ip->gateway.family && !ip_is_link_local6(&ip->gateway)
			  ? leads_elsewhere(att, ip, &elsewhere, err)
			  : 0;

	if (ret < 0 || !elsewhere)
		return ret;
	if (ip->gateway.family == AF_INET)
		wanted.source = ip->gateway;
	else
		wanted.route.priority = IPV6_CONNECTED_METRIC;
	queue_route_set(att->op->node.rtnl, &wanted, false);
	ret = netlink_commit(att->op->node.rtnl, err);
	if (ret == -EEXIST)
		return error_clear(err);
	if (ret == 0)
		report_done(att, "route to %s through %s", PREFIX_TEXT(&wanted.route.dst),
			    att->gateway_ifname);
	return ret;
}

int gateway_addresses_ensure(struct attachment *att, struct cni_error *err)
{
	size_t missing = 0;
	int ret = addresses_missing(att, &missing, err);

	if (ret == 0 && missing > 0)
		ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0 && missing > 0 && gateway_uses(att, AF_INET6))
		ret = bridge_ipv6_enable(att, err);
	if (ret == 0 && missing > 0)
		ret = addresses_complete(att, err);
	for (size_t i = 0; ret == 0 && i < att->ipam.ips.n; i++)
		ret = subnet_route_ensure(att, &att->ipam.ips.items[i], err);
	for (size_t i = 0; ret == 0 && attachment_is_repaired(att) && i < att->ipam.ips.n;
	     i++)
		ret = connected_route_ensure(att, &att->ipam.ips.items[i], err);
	if (ret != 0)
		return ret;
	return missing > 0 ? GATEWAY_ADDED : 0;
}

/* The gateway of a former podCIDR may stand alone: then the node needs a route to the
 * pod. */
static int gateway_check_one(struct attachment *att, const struct ip_config *ip,
			     const struct addr_list *list, struct cni_error *err)
{
	struct ip_prefix gateway = gateway_prefix(ip), subnet;
	struct ip_prefix host = {gateway.addr, ip_bits(gateway.addr.family)};
	bool there = !gateway.addr.family || addr_list_has(list, &gateway);
	bool alone = !there && addr_list_has(list, &host);
	char found[ERROR_MSG_MAX / 2];
	bool missing = false;
	int ret;

	if (!there && !alone)
		return error_set(
			err, CNI_ERR_CHECK, EADDRNOTAVAIL,
			"%s: expected the gateway address %s, found %s; "
			"`bridge-cni repair` adds it, or says what has its place",
			att->gateway_ifname, PREFIX_TEXT(&gateway),
			addr_list_format(list, found, sizeof(found)));
	ret = subnet_route_missing(att, ip, alone, &missing, err);
	if (ret < 0 || !missing)
		return ret;
	subnet = prefix_network(&ip->address);
	return error_set(err, CNI_ERR_CHECK, ENETUNREACH,
			 "%s: expected the route to %s through it, found none",
			 att->gateway_ifname, PREFIX_TEXT(&subnet));
}

int gateway_addresses_check(struct attachment *att, struct cni_error *err)
{
	struct addr_list list = {};
	int ret = addr_list_get(att->op->node.rtnl, att->gateway_index, AF_UNSPEC, &list,
				err);

	for (size_t i = 0; ret == 0 && i < att->ipam.ips.n; i++)
		ret = gateway_check_one(att, &att->ipam.ips.items[i], &list, err);
	addr_list_clear(&list);
	return ret;
}

int gateway_addresses_status(struct attachment *att, struct cni_error *err)
{
	struct addr_list list = {}, strangers = {};
	int ret = 0;

	if (att->gateway_index)
		ret = addr_list_get(att->op->node.rtnl, att->gateway_index, AF_UNSPEC,
				    &list, err);
	if (ret == 0 && missing_count(att, &list, false) > 0) {
		ret = gateway_strangers(att, &list, &strangers, err);
		if (ret == 0)
			ret = gateway_places_check(att, &list, &strangers, err);
	}
	addr_list_clear(&strangers);
	addr_list_clear(&list);
	return ret;
}
