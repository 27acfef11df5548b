/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * isGateway: the gateway addresses on the bridge, and forwarding in the families in use.
 * Shared, so looked at by every ADD, changed under the exclusive lock, left by DEL.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "../ipam/ipam.h"
#include "forwarding.h"
#include "netlink_route.h"
#include "report.h"
#include "stages.h"
#include "sysctl.h"

static struct ip_prefix gateway_prefix(const struct ip_config *ip)
{
	return (struct ip_prefix){ip->gateway, ip->address.len};
}

static bool uses_family(const struct cni_result *ipam, int family)
{
	for (size_t i = 0; i < ipam->ips.n; i++)
		if (ipam->ips.items[i].gateway.family == family)
			return true;
	return false;
}

static bool is_ours(const struct cni_result *ipam, const struct ip_prefix *address)
{
	for (size_t i = 0; i < ipam->ips.n; i++) {
		struct ip_prefix gateway = gateway_prefix(&ipam->ips.items[i]);

		if (gateway.addr.family && prefix_equal(&gateway, address))
			return true;
	}
	return false;
}

/* IPv4: any other address is in the way; IPv6: one whose network overlaps. */
static bool is_in_the_way(const struct ip_prefix *gateway, const struct ip_prefix *other)
{
	if (gateway->addr.family != other->addr.family)
		return false;
	return gateway->addr.family == AF_INET ||
	       prefix_contains(gateway, &other->addr) ||
	       prefix_contains(other, &gateway->addr);
}

/* The missing gateway whose place @other takes; NULL: it is in nobody's way. */
static const struct ip_config *displaced(const struct cni_result *ipam,
					 const struct addr_list *list,
					 const struct ip_prefix *other)
{
	if (is_ours(ipam, other))
		return NULL;
	for (size_t i = 0; i < ipam->ips.n; i++) {
		struct ip_prefix gateway = gateway_prefix(&ipam->ips.items[i]);

		if (gateway.addr.family && !addr_list_has(list, &gateway) &&
		    is_in_the_way(&gateway, other))
			return &ipam->ips.items[i];
	}
	return NULL;
}

/* Is nobody but this attachment a port of the bridge? */
static int bridge_is_idle(struct attachment *att, bool *ret_idle, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	size_t others = 0;
	int ret = link_list_get(att->node->rtnl, &links, err);

	for (size_t i = 0; i < links.n; i++)
		others += links.items[i].master == att->bridge_index &&
			  strcmp(links.items[i].name, att->host_ifname) != 0;
	if (ret == 0)
		*ret_idle = others == 0;
	return ret;
}

/*
 * Another address in a gateway's place: an error, unless forceAddress removes it, or it is
 * of this network's own earlier range (the node's podCIDR has changed) on a bridge that is
 * idle: there the reference fails for ever.
 */
static int displaced_check(struct attachment *att, const struct addr_list *list,
			   struct cni_error *err)
{
	bool idle = false;
	int ret = 0;

	if (!att->conf.force_address && att->gateway_index == att->bridge_index)
		ret = bridge_is_idle(att, &idle, err);
	for (size_t i = 0; ret == 0 && i < list->n; i++) {
		const struct ip_prefix *other = &list->items[i];
		const struct ip_config *ip = displaced(&att->ipam, list, other);
		struct ip_prefix gateway;

		if (!ip || att->conf.force_address ||
		    (idle && ipam_gateway_is_ours(att, att->gateway_ifname, other)))
			continue;
		gateway = gateway_prefix(ip);
		ret = error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
				"bridge: %s is to have the gateway address %s but "
				"has %s; remove that, set forceAddress, or change "
				"the network's subnet",
				att->gateway_ifname, PREFIX_TEXT(&gateway),
				PREFIX_TEXT(other));
	}
	return ret;
}

/* What is to be added is written down first: a gateway that nobody knows of would stay. */
static int missing_note(struct attachment *att, const struct addr_list *list,
			struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < att->ipam.ips.n; i++) {
		struct ip_prefix gateway = gateway_prefix(&att->ipam.ips.items[i]);

		if (gateway.addr.family && !addr_list_has(list, &gateway))
			ret = ipam_gateway_note(att, att->gateway_ifname, &gateway, err);
	}
	return ret;
}

/* Last first: with a subnet's first address the kernel removes its later ones. */
static void queue_displaced(struct attachment *att, const struct addr_list *list)
{
	for (size_t i = list->n; i-- > 0;)
		if (displaced(&att->ipam, list, &list->items[i]))
			queue_addr_del(att->node->rtnl, att->gateway_index,
				       att->gateway_ifname, &list->items[i]);
}

/* How many gateway addresses are missing; queued if @queue. */
static size_t missing_count(struct attachment *att, const struct addr_list *list,
			    bool queue)
{
	size_t missing = 0;

	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		struct ip_prefix gateway = gateway_prefix(&att->ipam.ips.items[i]);

		if (!gateway.addr.family || addr_list_has(list, &gateway))
			continue;
		missing++;
		if (queue)
			report_done(att, "gateway address %s on %s",
				    PREFIX_TEXT(&gateway), att->gateway_ifname);
		if (queue)
			queue_addr_add(att->node->rtnl, att->gateway_index,
				       att->gateway_ifname, &gateway, false);
	}
	return missing;
}

static int addresses_missing(struct attachment *att, size_t *ret_missing,
			     struct cni_error *err)
{
	struct addr_list list = {};
	int ret = addr_list_get(att->node->rtnl, att->gateway_index, AF_UNSPEC, &list,
				err);

	if (ret == 0)
		*ret_missing = missing_count(att, &list, false);
	addr_list_clear(&list);
	return ret;
}

/* Looks at everything, then changes it; the exclusive lock is held. */
static int addresses_complete(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->node->rtnl;
	struct addr_list list = {};
	size_t missing = 0;
	int ret = addr_list_get(nl, att->gateway_index, AF_UNSPEC, &list, err);

	if (ret == 0 && missing_count(att, &list, false) > 0) {
		ret = displaced_check(att, &list, err);
		if (ret == 0)
			ret = missing_note(att, &list, err);
		if (ret == 0) {
			queue_displaced(att, &list);
			missing_count(att, &list, true);
			ret = netlink_commit(nl, err);
		}
	}
	addr_list_clear(&list);
	if (ret != -EEXIST || err->code != CNI_ERR_KERNEL)
		return ret;
	/* Somebody who doesn't take our lock was quicker, with this one or with all. */
	error_clear(err);
	ret = addresses_missing(att, &missing, err);
	if (ret == 0 && missing > 0)
		return error_set(err, CNI_ERR_TRY_AGAIN, EAGAIN,
				 "bridge: somebody else changes the addresses of %s "
				 "meanwhile",
				 att->gateway_ifname);
	return ret;
}

/* A node may have IPv6 off by default; the bridge must carry its gateway address. */
static int bridge_ipv6_enable(struct attachment *att, struct cni_error *err)
{
	int ret = sysctl_ensure(0, err, "ipv6/conf/%s/disable_ipv6", att->gateway_ifname);

	if (ret == -ENOENT)
		return error_set(
			err, CNI_ERR_KERNEL, EAFNOSUPPORT,
			"the network has IPv6 ranges, but the node's kernel runs "
			"without IPv6");
	return ret;
}

static int addresses_ensure(struct attachment *att, struct cni_error *err)
{
	size_t missing = 0;
	int ret = addresses_missing(att, &missing, err);

	if (ret < 0 || missing == 0)
		return ret;
	ret = node_lock(att->node, NODE_EXCLUSIVE, err);
	if (ret == 0 && uses_family(&att->ipam, AF_INET6))
		ret = bridge_ipv6_enable(att, err);
	return ret < 0 ? ret : addresses_complete(att, err);
}

static int gateway_add(struct attachment *att, struct cni_error *err)
{
	static const int families[] = {AF_INET, AF_INET6};
	int ret;

	if (!att->conf.is_gateway)
		return 0;
	ret = addresses_ensure(att, err);
	/* Since this pod's ADD the network was given another gateway. */
	if (att->env.verb == CNI_REPAIR && ret == -EADDRINUSE)
		ret = error_clear(err);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(families); i++)
		if (uses_family(&att->ipam, families[i]))
			ret = forwarding_ensure(att, families[i], err);
	return ret;
}

static int gateway_check(struct attachment *att, struct cni_error *err)
{
	static const int families[] = {AF_INET, AF_INET6};
	char found[ERROR_MSG_MAX / 2];
	struct addr_list list = {};
	int ret;

	if (!att->conf.is_gateway)
		return 0;
	ret = addr_list_get(att->node->rtnl, att->gateway_index, AF_UNSPEC, &list, err);
	for (size_t i = 0; ret == 0 && i < att->ipam.ips.n; i++) {
		struct ip_prefix gateway = gateway_prefix(&att->ipam.ips.items[i]);

		if (gateway.addr.family && !addr_list_has(&list, &gateway))
			ret = error_set(err, CNI_ERR_CHECK, EADDRNOTAVAIL,
					"%s: expected the gateway address %s, found %s",
					att->gateway_ifname, PREFIX_TEXT(&gateway),
					addr_list_format(&list, found, sizeof(found)));
	}
	addr_list_clear(&list);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(families); i++)
		if (uses_family(&att->ipam, families[i]))
			ret = forwarding_check(att, families[i], err);
	return ret;
}

const struct stage stage_gateway = {
	.name = "gateway",
	.add = gateway_add,
	.check = gateway_check,
	.repair = gateway_add,
};
