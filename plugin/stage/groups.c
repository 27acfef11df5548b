/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quietBridge, IPv6: who looks for a pod's MAC address sends to a multicast group that
 * follows from the pod's address. A bridge that snoops sends such a frame to the group's
 * members alone, but only where somebody asks for members (a querier), and it knows those
 * alone that have answered. A pod's first report may be lost, as its port doesn't forward
 * yet, and the next one comes after a minute or two. So the bridge gets entries that stay.
 *
 * Whoever asks reaches all pods of the bridge. So pods of networks without the key get
 * these entries as well, where a bridge that was made here asks.
 */
#include "groups.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "plugin/attachment/report.h"
#include "plugin/netlink/mdb.h"
#include "bridge_mac.h"
#include "bridge_alias.h"
#include "port_opens.h"
#include "stages.h"

/* The groups of an attachment, each once. */
struct groups {
	struct ip_addr *items;
	size_t n;
};

static void groups_clear(struct groups *groups)
{
	free(groups->items);
}

/* Adds the group of an address: ff02::1:ff and its last 24 bits. */
static void group_add(struct groups *groups, const struct ip_addr *addr)
{
	struct ip_addr group = {
		.family = AF_INET6,
		.bytes = {0xff, 0x02, [11] = 1, 0xff, addr->bytes[13], addr->bytes[14],
			  addr->bytes[15]},
	};

	for (size_t i = 0; i < groups->n; i++)
		if (ip_equal(&groups->items[i], &group))
			return;
	groups->items[groups->n++] = group;
}

static bool is_wanted(const struct attachment *att)
{
	return att->bridge_keeps_groups && (att->quiet || att->bridge_queries) &&
	       attachment_uses(att, AF_INET6);
}

static int groups_make(const struct attachment *att, struct groups *groups,
		       struct cni_error *err)
{
	struct ip_addr link_local = ip_link_local_of(&att->container_mac);

	groups->items = calloc(att->ipam.ips.n + 1, sizeof(*groups->items));
	if (!groups->items)
		return error_oom(err);
	for (size_t i = 0; i < att->ipam.ips.n; i++)
		if (att->ipam.ips.items[i].address.addr.family == AF_INET6)
			group_add(groups, &att->ipam.ips.items[i].address.addr);
	group_add(groups, &link_local);
	return 0;
}

static struct mdb_port port_of(const struct attachment *att, unsigned int port)
{
	return (struct mdb_port){att->bridge_index, port, att->pod->host_ifname};
}

void groups_queue(struct attachment *att, unsigned int port)
{
	_cleanup_(groups_clear) struct groups groups = {};
	struct mdb_port where = port_of(att, port);

	if (!is_wanted(att))
		return;
	if (groups_make(att, &groups, NULL) < 0)
		netlink_queue_failed(att->op->node.rtnl);
	for (size_t i = 0; i < groups.n; i++)
		queue_mdb_add(att->op->node.rtnl, &where, &groups.items[i]);
}

int groups_full(struct attachment *att, struct cni_error *err)
{
	notice(&att->op->notices,
	       "bridge %s has no room for another multicast group (mcast_hash_max), and "
	       "sends all multicast frames to all of its ports from now on",
	       att->bridge);
	return error_clear(err);
}

/* Queues the entries that the port lacks. One that the pod has reported would end with its
 * reports, and gives way. */
static int queue_missing(struct attachment *att, unsigned int port, size_t *ret_n,
			 struct cni_error *err)
{
	_cleanup_(groups_clear) struct groups groups = {};
	struct netlink *nl = att->op->node.rtnl;
	struct mdb_port where = port_of(att, port);
	int ret = groups_make(att, &groups, err);

	*ret_n = 0;
	for (size_t i = 0; ret == 0 && i < groups.n; i++) {
		enum mdb_state state;

		ret = mdb_find(nl, &where, &groups.items[i], &state, err);
		if (ret < 0 || state == MDB_STAYS)
			continue;
		/* Another question would send what is queued along. */
		if (state == MDB_REPORTED)
			queue_mdb_del(nl, &where, &groups.items[i]);
		queue_mdb_add(nl, &where, &groups.items[i]);
		ret = netlink_commit(nl, err);
		if (ret == -E2BIG)
			return groups_full(att, err);
		/* The reported one went meanwhile, by itself. */
		if (state == MDB_REPORTED && (ret == -ENOENT || ret == -EINVAL))
			ret = error_clear(err);
		++*ret_n;
	}
	return ret;
}

/* Has the bridge ask, where only another IPAM plugin has told that the pod has IPv6: the
 * stage bridge did not know. */
static int querier_ensure(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	struct link link;
	int ret;

	if (att->bridge_queries)
		return 0;
	ret = link_get(nl, att->bridge, &link, err);
	if (ret < 0 || !groups_wants_querier(att, &link))
		return ret;
	queue_bridge_querier(nl, link.index, link.name, true);
	ret = netlink_commit(nl, err);
	att->bridge_queries = ret == 0;
	return ret;
}

/* port.c has added them for a pod whose entry it makes, unless another IPAM plugin has told
 * the addresses since. */
static int groups_add(struct attachment *att, struct cni_error *err)
{
	size_t n;
	int ret;

	if (!is_wanted(att) || port_opens(att))
		return 0;
	ret = queue_missing(
		att, netlink_ifindex_quick(att->op->node.rtnl, att->pod->host_ifname), &n,
		err);
	return ret < 0 || !ipam_delegated(att->network) ? ret : querier_ensure(att, err);
}

static int groups_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(groups_clear) struct groups groups = {};
	struct mdb_port where = port_of(att, att->host_index);
	/* Another pod reports its own ones. */
	int ret = att->quiet && is_wanted(att) ? groups_make(att, &groups, err) : 0;

	for (size_t i = 0; ret == 0 && i < groups.n; i++) {
		enum mdb_state state;

		ret = mdb_find(att->op->node.rtnl, &where, &groups.items[i], &state, err);
		if (ret == 0 && state != MDB_STAYS)
			ret = error_set(
				err, CNI_ERR_CHECK, ENOENT,
				"%s: expected the bridge to have the multicast group %s "
				"of the pod's address for good, found %s; `bridge-cni "
				"repair` adds it",
				att->pod->host_ifname, IP_TEXT(&groups.items[i]),
				state == MDB_NONE ? "none" : "what the pod has reported");
	}
	return ret;
}

static int groups_repair(struct attachment *att, struct cni_error *err)
{
	unsigned int port = netlink_ifindex(att->op->node.rtnl, att->pod->host_ifname);
	size_t n;
	int ret;

	if (!is_wanted(att) || !port)
		return 0;
	ret = queue_missing(att, port, &n, err);
	if (ret == 0 && n > 0)
		report_done(att, "its multicast groups on %s", att->bridge);
	return ret;
}

/* Isolated ports get nothing of each other anyway. A bridge that filters VLANs would ask in
 * one of them alone. */
bool groups_wants_querier(const struct attachment *att, const struct link *link)
{
	return att->quiet && !att->routed && !att->network->port_isolation &&
	       attachment_uses(att, AF_INET6) && link->bridge.snooping &&
	       !link->bridge.filters_vlans && !network_native_vlan(att->network) &&
	       bridge_has_own_mac(att, link) && bridge_alias_says_pods_alone(link);
}

int groups_settle(struct attachment *net, struct cni_error *err)
{
	struct netlink *nl = net->op->node.rtnl;
	struct link link;
	int ret = link_get(nl, net->bridge, &link, err);

	if (ret < 0 || !net->network->quiet_bridge || !link.bridge.querier ||
	    !bridge_has_own_mac(net, &link) ||
	    (bridge_alias_says_pods_alone(&link) && !link.bridge.filters_vlans))
		return ret;
	queue_bridge_querier(nl, link.index, link.name, false);
	ret = netlink_commit(nl, err);
	if (ret == 0)
		report_done(net,
			    "bridge %s: asks no more for members of multicast groups",
			    link.name);
	return ret;
}

const struct stage stage_groups = {
	.name = "groups",
	.switches = SWITCH_BIT(SWITCH_BRIDGE),
	.add = groups_add,
	.check = groups_check,
	.repair = groups_repair,
};
