/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at all neighbours of the node once. */
#include "hand_over.h"

#include <errno.h>
#include <string.h>

#include "plugin/attachment/kernel.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/neighbour.h"
#include "plugin/stage/vlan.h"

#define BATCH_MAX 128 /* messages in one send */

struct work {
	struct netlink *rtnl;
	const char *bridge;
	struct link link; /* of the neighbour before */
	size_t queued, n;
};

static int commit(struct work *work, struct cni_error *err)
{
	int ret = netlink_commit(work->rtnl, err);

	work->queued = 0;
	/* A neighbour, or its interface, went meanwhile. */
	return ret == -ENOENT || ret == -ENODEV ? error_clear(err) : ret;
}

static int neighbour_hand_over(struct work *work, const struct neighbour *item,
			       struct cni_error *err)
{
	int ret = 0;

	if (!item->permanent || item->protocol != NEIGHBOUR_PROTOCOL || !item->mac.set)
		return 0;
	/* A question would send what is queued along, and fail with it. */
	if (work->link.index != item->index)
		ret = commit(work, err);
	if (ret == 0 && work->link.index != item->index)
		ret = link_get_by_index(work->rtnl, item->index, &work->link, err);
	if (ret < 0 || !work->link.index || !vlan_is_of_bridge(work->bridge, &work->link))
		return ret;
	queue_neighbour_ordinary(work->rtnl, item->index, work->link.name, &item->addr,
				 &item->mac);
	work->n++;
	return ++work->queued < BATCH_MAX ? 0 : commit(work, err);
}

static int neighbours_hand_over(struct work *work, struct cni_error *err)
{
	struct neighbour_list list = {};
	int ret = neighbour_list_get(work->rtnl, &list, err);

	for (size_t i = 0; ret == 0 && i < list.n; i++)
		ret = neighbour_hand_over(work, &list.items[i], err);
	if (ret == 0)
		ret = commit(work, err);
	neighbour_list_clear(&list);
	return ret;
}

/* Somebody else's bridge asks because that is wanted there. */
static bool asks_for_us(const struct work *work, const struct link *bridge)
{
	struct mac_addr own;
	struct kernel kernel;

	if (!bridge->bridge.querier)
		return false;
	kernel_boot_only(&kernel);
	own = identity_bridge_mac(kernel.ipam.boot_id, netlink_cookie(work->rtnl),
				  bridge->name);
	return kernel.ipam.boot_id[0] &&
	       memcmp(own.bytes, bridge->mac.bytes, MAC_LEN) == 0;
}

int hand_over(struct netlink *rtnl, const char *bridge, size_t *ret_n,
	      struct cni_error *err)
{
	struct work work = {.rtnl = rtnl, .bridge = bridge};
	struct link link;
	int ret = link_get(rtnl, bridge, &link, err);

	if (ret < 0 || !link_is(&link, "bridge"))
		return ret;
	ret = neighbours_hand_over(&work, err);
	if (ret == 0 && asks_for_us(&work, &link)) {
		queue_bridge_querier(rtnl, link.index, link.name, false);
		ret = commit(&work, err);
	}
	if (ret == 0)
		*ret_n = work.n;
	return ret;
}
