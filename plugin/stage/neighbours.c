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
#include "neighbours.h"
#include "port_opens.h"
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

/* Has the gateway's interface what a neighbour needs? The stage `gateway` may have to turn
 * IPv6 on before. */
static bool is_ready(const struct attachment *att)
{
	return att->gateway_ipv6 || !attachment_uses(att, AF_INET6);
}

static void queue_all(struct attachment *att, unsigned int index, const char *ifname)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++)
		if (is_wanted(att, &att->ipam.ips.items[i]))
			queue_neighbour_set(att->op->node.rtnl, index, ifname,
					    &att->ipam.ips.items[i].address.addr,
					    &att->container_mac);
}

void neighbours_queue(struct attachment *att)
{
	if (wants_any(att) && is_ready(att))
		queue_all(att, att->gateway_index, att->gateway_ifname);
}

/* Sends the neighbours that port.c has not sent. Where the kernel refuses one of them,
 * links.c removes the others. */
static int neighbours_add(struct attachment *att, struct cni_error *err)
{
	if (!wants_any(att) || (port_opens(att) && is_ready(att)))
		return 0;
	queue_all(att, att->gateway_index, att->gateway_ifname);
	return netlink_commit(att->op->node.rtnl, err);
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

/* Asks for the neighbours that the attachment is to have on the interface @index. */
static int look(struct attachment *att, unsigned int index,
		struct neighbour_list *ret_found, struct cni_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < att->ipam.ips.n; i++)
		if (is_wanted(att, &att->ipam.ips.items[i])) {
			queue_neighbour_question(att->op->node.rtnl, index,
						 &att->ipam.ips.items[i].address.addr);
			n++;
		}
	return n ? neighbour_list_ask(att->op->node.rtnl, ret_found, err) : 0;
}

/* Returns an entry without an address where there is none of @addr. */
static struct neighbour found_of(const struct neighbour_list *found,
				 const struct ip_addr *addr)
{
	for (size_t i = 0; i < found->n; i++)
		if (ip_equal(&found->items[i].addr, addr))
			return found->items[i];
	return (struct neighbour){};
}

static int neighbours_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(neighbour_list_clear) struct neighbour_list list = {};
	bool wants = wants_any(att);
	int ret = wants ? look(att, att->gateway_index, &list, err) : 0;

	for (size_t i = 0; ret == 0 && wants && i < att->ipam.ips.n; i++) {
		const struct ip_addr *addr = &att->ipam.ips.items[i].address.addr;
		struct neighbour found = found_of(&list, addr);

		if (is_wanted(att, &att->ipam.ips.items[i]) &&
		    !is_ours(&found, &att->container_mac))
			ret = differs(att, addr, &found, err);
	}
	return ret < 0 ? ret : bridge_nf_check(att, err);
}

/* Another pod may have the address by now, and its own MAC address with it. */
int neighbours_queue_del(struct attachment *att, size_t *ret_n, struct cni_error *err)
{
	_cleanup_(neighbour_list_clear) struct neighbour_list found = {};
	const struct record *record = att->record;
	const char *ifname = record ? record_neighbours(record) : "";
	struct netlink *nl = att->op->node.rtnl;
	unsigned int index = ifname[0] ? netlink_ifindex_quick(nl, ifname) : 0;
	int ret;

	*ret_n = 0;
	if (!index || record->n == 0)
		return 0;
	for (size_t i = 0; i < record->n; i++)
		queue_neighbour_question(nl, index, &record->addresses[i].address.addr);
	ret = neighbour_list_ask(nl, &found, err);
	for (size_t i = 0; i < found.n; i++)
		if (is_ours(&found.items[i], &record->mac)) {
			queue_neighbour_del(nl, index, ifname, &found.items[i].addr);
			++*ret_n;
		}
	return ret == -ENODEV ? error_clear(err) : ret; /* the interface went meanwhile */
}

static int neighbours_repair(struct attachment *att, struct cni_error *err)
{
	_cleanup_(neighbour_list_clear) struct neighbour_list list = {};
	struct netlink *nl = att->op->node.rtnl;
	const char *ifname = record_neighbours(att->record);
	unsigned int index = ifname[0] ? netlink_ifindex(nl, ifname) : 0;
	size_t missing = 0;
	int ret = index ? look(att, index, &list, err) : 0;

	for (size_t i = 0; index && i < att->ipam.ips.n; i++) {
		const struct ip_config *ip = &att->ipam.ips.items[i];
		struct neighbour found = found_of(&list, &ip->address.addr);

		missing += is_wanted(att, ip) && !is_ours(&found, &att->container_mac);
	}
	if (ret < 0 || missing == 0)
		return ret;
	queue_all(att, index, ifname);
	ret = netlink_commit(nl, err);
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
	.repair = neighbours_repair,
	.repair_shared = neighbours_repair_shared,
};
