/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds permanent neighbours on a bridge and its VLANs' gateways that no DEL takes away. */
#include "neighbours_left.h"

#include <errno.h>

#include "plugin/attachment/report.h"
#include "plugin/netlink/fdb.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/neighbour.h"
#include "bridge_ports.h"
#include "vlan.h"

/* Deletes those that the bridge has no entry for. @bridge: its index; 0: deletes all. */
static int flush(struct attachment *att, unsigned int bridge, size_t *ret_n,
		 struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	struct neighbour_list list = {};
	int ret = neighbour_list_get(nl, &list, err);

	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		const struct neighbour *item = &list.items[i];
		struct link link = {};
		bool stays = false;

		if (!item->permanent || item->protocol != NEIGHBOUR_PROTOCOL)
			continue;
		ret = link_get_by_index(nl, item->index, &link, err);
		if (ret < 0 || !link.index || !vlan_is_of_bridge(att->bridge, &link))
			continue;
		if (bridge)
			ret = fdb_has(nl, bridge, &item->mac, &stays, err);
		if (ret < 0 || stays)
			continue;
		queue_neighbour_del(nl, link.index, link.name, &item->addr);
		ret = netlink_commit(nl, err);
		*ret_n += ret == 0;
		if (ret == -ENOENT || ret == -ENODEV)
			ret = error_clear(err);
	}
	neighbour_list_clear(&list);
	return ret;
}

int neighbours_flush(struct attachment *att, struct cni_error *err)
{
	size_t n = 0;

	return flush(att, 0, &n, err);
}

int neighbours_sweep(struct attachment *net, struct cni_error *err)
{
	struct bridge_ports ports;
	struct link bridge;
	size_t n = 0;
	int ret = link_get(net->op->node.rtnl, net->bridge, &bridge, err);

	if (ret < 0 || !link_is(&bridge, "bridge"))
		return ret;
	ret = bridge_ports_look(net, bridge.index, &ports, err);
	/* The bridge learns where a routed pod is, and forgets it. */
	if (ret < 0 || ports.routed[0] || ports.unknown[0])
		return ret;
	ret = flush(net, bridge.index, &n, err);
	if (n > 0)
		report_done(net,
			    "permanent neighbours of pods that are gone: %zu deleted", n);
	return ret;
}
