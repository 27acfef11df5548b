/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * podLink "routed" and quietBridge: the node has a permanent neighbour for each address of
 * the pod, on the interface that has the gateway addresses. So it neither asks all ports
 * for the pod's MAC address, nor has pods that ask for many addresses crowd this pod out
 * of the kernel's table. By the IPv4 ones the bridge answers other pods, in place of a
 * quiet pod (IFLA_BRPORT_PROXYARP_WIFI), and the request goes to no other such port.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/neighbour.h"
#include "bridge_nf.h"
#include "stages.h"

/* Has the address a neighbour? Where the node isn't its gateway, the interface may be
 * without IPv6. */
static bool is_wanted(const struct attachment *att, const struct ip_config *ip)
{
	return ip->address.addr.family == AF_INET ||
	       (att->network->is_gateway && ip->gateway.family);
}

/* Without a gateway the node has no interface in the VLAN. */
static bool wants_any(const struct attachment *att)
{
	return att->routed ||
	       (att->quiet && (!att->network->vlan || att->network->is_gateway));
}

static int neighbours_set(struct attachment *att, unsigned int index, const char *ifname,
			  struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;

	for (size_t i = 0; i < att->ipam.ips.n; i++)
		if (is_wanted(att, &att->ipam.ips.items[i]))
			queue_neighbour_set(nl, index, ifname,
					    &att->ipam.ips.items[i].address.addr,
					    &att->container_mac);
	return netlink_commit(nl, err);
}

static int neighbours_add(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	int ret;

	if (!wants_any(att))
		return 0;
	ret = neighbours_set(att, att->gateway_index, att->gateway_ifname, err);
	/* Some of them may have been made. */
	for (size_t i = 0; ret < 0 && i < att->ipam.ips.n; i++)
		queue_neighbour_del(nl, att->gateway_index, att->gateway_ifname,
				    &att->ipam.ips.items[i].address.addr);
	if (ret < 0)
		netlink_commit(nl, NULL);
	return ret;
}

static bool is_ours(const struct neighbour *found, const struct mac_addr *mac)
{
	return found->permanent && found->mac.set &&
	       memcmp(found->mac.bytes, mac->bytes, MAC_LEN) == 0;
}

/* Code 104 where the pod's neighbour @addr isn't @found. */
static int differs(const struct attachment *att, const struct ip_addr *addr,
		   const struct neighbour *found, struct cni_error *err)
{
	const char *text = !found->addr.family || !found->mac.set ? "none"
			   : !found->permanent ? "one that isn't permanent"
					       : MAC_TEXT(&found->mac);

	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "%s: expected the permanent neighbour %s with %s, found %s; "
			 "`bridge-cni repair` adds it",
			 att->gateway_ifname, IP_TEXT(addr),
			 MAC_TEXT(&att->container_mac), text);
}

static int neighbours_check(struct attachment *att, struct cni_error *err)
{
	for (size_t i = 0; wants_any(att) && i < att->ipam.ips.n; i++) {
		const struct ip_addr *addr = &att->ipam.ips.items[i].address.addr;
		struct neighbour found;
		int ret;

		if (!is_wanted(att, &att->ipam.ips.items[i]))
			continue;
		ret = neighbour_get(att->op->node.rtnl, att->gateway_index, addr, &found,
				    err);
		if (ret < 0)
			return ret;
		if (!is_ours(&found, &att->container_mac))
			return differs(att, addr, &found, err);
	}
	return bridge_nf_check(att, err);
}

/* Deletes those that have the pod's MAC address. Another pod may have the address by
 * now. */
static int neighbours_del(struct attachment *att, struct cni_error *err)
{
	const struct record *record = att->record;
	const char *ifname = record ? record_neighbours(record) : "";
	struct netlink *nl = att->op->node.rtnl;
	unsigned int index = ifname[0] ? netlink_ifindex(nl, ifname) : 0;
	bool ours[RECORD_ADDRESSES] = {};
	int ret = 0;

	if (!index)
		return 0;
	for (size_t i = 0; ret == 0 && i < record->n; i++) {
		struct neighbour found;

		ret = neighbour_get(nl, index, &record->addresses[i].address.addr, &found,
				    err);
		ours[i] = ret == 0 && is_ours(&found, &record->mac);
	}
	for (size_t i = 0; ret == 0 && i < record->n; i++)
		if (ours[i])
			queue_neighbour_del(nl, index, ifname,
					    &record->addresses[i].address.addr);
	if (ret == 0)
		ret = netlink_commit(nl, err);
	/* They, or their interface, went meanwhile. */
	return ret == -ENOENT || ret == -ENODEV ? error_clear(err) : ret;
}

static int neighbours_repair(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	const char *ifname = record_neighbours(att->record);
	unsigned int index = ifname[0] ? netlink_ifindex(nl, ifname) : 0;
	size_t missing = 0;
	int ret = 0;

	for (size_t i = 0; ret == 0 && index && i < att->ipam.ips.n; i++) {
		const struct ip_addr *addr = &att->ipam.ips.items[i].address.addr;
		struct neighbour found;

		if (!is_wanted(att, &att->ipam.ips.items[i]))
			continue;
		ret = neighbour_get(nl, index, addr, &found, err);
		missing += ret == 0 && !is_ours(&found, &att->container_mac);
	}
	if (ret < 0 || missing == 0)
		return ret;
	ret = neighbours_set(att, index, ifname, err);
	if (ret == 0)
		report_done(att, "its permanent neighbours on %s", ifname);
	return ret;
}

/* Nobody but the operator can put the kernel parameter right, so that is an error. */
static int neighbours_repair_shared(struct attachment *net, struct cni_error *err)
{
	return bridge_nf_status(net, err);
}

const struct stage stage_neighbours = {
	.name = "neighbours",
	.switches = SWITCH_BIT(SWITCH_BRIDGE),
	.add = neighbours_add,
	.check = neighbours_check,
	.del = neighbours_del,
	.repair = neighbours_repair,
	.repair_shared = neighbours_repair_shared,
};
