/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A peer's packets travel by the device of one family, whatever family they are of. */
#include "tunnel_vxlan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "device_names.h"
#include "tunnel_device.h"
#include "vxlan_events.h"

void tunnel_vxlan_clear(struct tunnel_vxlan *vxlan)
{
	for (int i = 0; i < IP_FAMILIES; i++)
		vxlan_entries_clear(&vxlan->sides[i].entries);
	close_p(&vxlan->events_fd);
	*vxlan = (struct tunnel_vxlan){.events_fd = -1};
}

/* -- the entries that are wanted */

/* Tells whether this node sends to the peer's pods of a family over this underlay. */
static bool is_of(const struct tunnel_peer *peer, int family, int underlay,
		  struct tunnel_end *ret_end)
{
	return tunnel_peer_end(peer, family, ret_end) == ROUTE_FINE &&
	       ret_end->underlay == underlay;
}

static void pair_add(struct vxlan_pairs *list, const struct ip_addr *addr,
		     const struct mac_addr *mac)
{
	list->items[list->n++] = (struct vxlan_pair){.addr = *addr, .mac = *mac};
}

/* Sorts the list by its key, and leaves each key once. */
static void sort_once(struct vxlan_pairs *list, const struct vxlan_table *table)
{
	size_t kept = 0;

	table->sort(list->items, list->n);
	for (size_t i = 0; i < list->n; i++)
		if (!kept || table->cmp(&list->items[kept - 1], &list->items[i]) != 0)
			list->items[kept++] = list->items[i];
	list->n = kept;
}

/* Each IPv4 range has a gateway of its own, and all IPv6 ranges of a peer have one that
 * follows from its MAC address. So nearly all is in order from the start: ranges are in
 * that of their addresses, IPv4 first, and peers in that of the MAC addresses that this
 * agent's nodes have. */
static void wanted_collect(const struct tunnel_plan *plan, int underlay,
			   struct vxlan_wanted *wanted)
{
	const struct ip_prefix v6 = {.addr.family = AF_INET6};
	struct tunnel_end end;
	struct ip_addr gateway;

	for (size_t i = 0; i < plan->n_ranges; i++) {
		const struct tunnel_range *range = &plan->ranges[i];

		if (range->cidr.addr.family == AF_INET6)
			break;
		if (!is_of(&plan->peers[range->peer], 0, underlay, &end))
			continue;
		gateway = tunnel_gateway(end.mac, &range->cidr);
		pair_add(&wanted->neighbours, &gateway, end.mac);
	}
	for (size_t i = 0; i < plan->n_peers; i++) {
		const struct tunnel_peer *peer = &plan->peers[plan->by_mac[i]];
		bool has_v6 = peer->has_v6 && is_of(peer, 1, underlay, &end);

		if (has_v6) {
			gateway = tunnel_gateway(end.mac, &v6);
			pair_add(&wanted->neighbours, &gateway, end.mac);
		}
		/* Both families may have the same end. */
		if (has_v6 || is_of(peer, 0, underlay, &end) ||
		    is_of(peer, 1, underlay, &end))
			pair_add(&wanted->forwarding, end.addr, end.mac);
	}
	sort_once(&wanted->neighbours, &vxlan_neighbours);
	sort_once(&wanted->forwarding, &vxlan_forwarding);
}

static int wanted_make(const struct tunnel_plan *plan, int underlay,
		       struct vxlan_wanted *ret_wanted, struct cni_error *err)
{
	struct vxlan_wanted wanted = {
		.neighbours.items = reallocarray(NULL, plan->n_ranges + 1,
						 sizeof(struct vxlan_pair)),
		.forwarding.items = reallocarray(NULL, plan->n_peers + 1,
						 sizeof(struct vxlan_pair)),
	};

	if (!wanted.neighbours.items || !wanted.forwarding.items) {
		vxlan_wanted_clear(&wanted);
		return error_oom(err);
	}
	wanted_collect(plan, underlay, &wanted);
	*ret_wanted = wanted;
	return 0;
}

static struct vxlan_spec device_of(const struct tunnel_plan *plan,
				   const struct tunnel_vxlan_spec *spec, int underlay)
{
	struct vxlan_spec device = {
		.name = vxlan_device_names[underlay],
		.vni = spec->vni,
		.port = spec->port,
		.local = plan->addresses[underlay],
		.mac = plan->mac,
		.mtu = spec->mtu[underlay],
	};

	for (int i = 0; i < IP_FAMILIES; i++)
		device.addresses[i] = plan->cidrs[i].addr;
	return device;
}

/* -- devices and entries */

/* A device that is there and up serves on, although something about it can't be set
 * right, be it one that an earlier agent has made. */
static void side_find(struct vxlan_side *side, struct netlink *nl, int underlay)
{
	struct vxlan_link link;
	unsigned int index = 0;

	if (vxlan_link_get(nl, vxlan_device_names[underlay], &link, NULL) == 0 &&
	    link.is_vxlan && link.up)
		index = link.index;
	if (index != side->index)
		vxlan_entries_clear(&side->entries);
	side->index = index;
}

static int entries_prepare(struct vxlan_side *side, struct netlink *nl,
			   const struct tunnel_plan *plan, int underlay,
			   struct vxlan_done *done, struct cni_error *err)
{
	_cleanup_(vxlan_wanted_clear) struct vxlan_wanted wanted = {};
	int ret = wanted_make(plan, underlay, &wanted, err);

	return ret < 0 ? ret
		       : vxlan_entries_add(nl, &side->entries, side->index,
					   vxlan_device_names[underlay], &wanted, done,
					   err);
}

static int device_prepare(struct vxlan_side *side, struct netlink *nl,
			  const struct vxlan_spec *spec, int underlay,
			  struct tunnel_vxlan_done *done, struct cni_error *err)
{
	int ret = vxlan_device_keep(nl, spec, &side->index, err);

	if (ret < 0) {
		netlink_discard(nl);
		side_find(side, nl, underlay);
		return ret;
	}
	done->made[underlay] |= ret == VXLAN_DEVICE_MADE;
	done->changed[underlay] |= ret == VXLAN_DEVICE_CHANGED;
	return 0;
}

/* The messages of a device are asked for before its entries are read. */
static int listen_to(struct tunnel_vxlan *vxlan, struct cni_error *err)
{
	const unsigned int devices[IP_FAMILIES] = {vxlan->sides[0].index,
						   vxlan->sides[1].index};
	int ret = 0;

	if (vxlan->events_fd < 0)
		ret = vxlan_events_open(&vxlan->events_fd, err);
	return ret < 0 ? ret : vxlan_events_choose(vxlan->events_fd, devices, err);
}

/* Keeps the first error, and empties @each for the next one. */
static int first_error(int ret, int now, struct cni_error *each, struct cni_error *err)
{
	if (now < 0 && ret == 0)
		error_copy(err, each);
	error_clear(each);
	return ret ? ret : now;
}

int tunnel_vxlan_prepare(struct tunnel_vxlan *vxlan, struct netlink *nl,
			 const struct tunnel_plan *plan,
			 const struct tunnel_vxlan_spec *spec,
			 struct tunnel_vxlan_done *done, struct cni_error *err)
{
	struct cni_error each = {};
	int ret = 0, now;

	for (int i = 0; i < IP_FAMILIES; i++) {
		struct vxlan_spec device = device_of(plan, spec, i);

		if (!device.local.family)
			continue;
		now = device_prepare(&vxlan->sides[i], nl, &device, i, done, &each);
		ret = first_error(ret, now, &each, err);
	}
	now = listen_to(vxlan, &each);
	ret = first_error(ret, now, &each, err);
	for (int i = 0; i < IP_FAMILIES; i++) {
		if (!plan->addresses[i].family || !vxlan->sides[i].index)
			continue;
		now = entries_prepare(&vxlan->sides[i], nl, plan, i, &done->entries,
				      &each);
		ret = first_error(ret, now, &each, err);
	}
	return ret;
}

void tunnel_vxlan_lead(const struct tunnel_vxlan *vxlan, struct tunnel_plan *plan)
{
	for (size_t i = 0; i < plan->n_peers; i++) {
		struct tunnel_peer *peer = &plan->peers[i];

		if (peer->problem == ROUTE_FINE)
			peer->device = vxlan->sides[peer->underlay].index;
		for (int f = 0; peer->flannel && f < IP_FAMILIES; f++)
			peer->flannel[f].device = vxlan->sides[f].index;
	}
}

/* A Node that isn't known for the moment has its devices all the same. */
int tunnel_vxlan_settle(struct tunnel_vxlan *vxlan, struct netlink *nl,
			const struct tunnel_plan *plan, struct tunnel_vxlan_done *done,
			struct cni_error *err)
{
	struct cni_error each = {};
	int ret = 0, now;

	for (int i = 0; plan->own && i < IP_FAMILIES; i++) {
		struct vxlan_side *side = &vxlan->sides[i];

		if (plan->addresses[i].family) {
			now = vxlan_entries_trim(nl, &side->entries,
						 vxlan_device_names[i], &done->entries,
						 &each);
		} else {
			now = tunnel_device_remove(nl, vxlan_device_names[i], "vxlan",
						   &each);
			done->removed[i] |= now == TUNNEL_DEVICE_REMOVED;
			vxlan_entries_clear(&side->entries);
			side->index = 0;
		}
		ret = first_error(ret, now < 0 ? now : 0, &each, err);
	}
	return ret;
}

static void event_take(const struct nlmsghdr *message, void *data)
{
	struct tunnel_vxlan *vxlan = data;

	for (int i = 0; i < IP_FAMILIES; i++)
		(void)vxlan_entries_event(&vxlan->sides[i].entries, message);
}

bool tunnel_vxlan_events(struct tunnel_vxlan *vxlan)
{
	bool all = vxlan_events_take(vxlan->events_fd, event_take, vxlan);
	bool right = true;

	for (int i = 0; i < IP_FAMILIES; i++) {
		struct vxlan_side *side = &vxlan->sides[i];

		if (!all)
			side->entries.known = false;
		right &= !side->index || side->entries.known;
	}
	return !right;
}

int tunnel_vxlan_remove(struct netlink *nl, struct cni_error *err)
{
	int removed = 0, ret = 0;

	for (int i = 0; ret >= 0 && i < IP_FAMILIES; i++) {
		ret = tunnel_device_remove(nl, vxlan_device_names[i], "vxlan", err);
		removed |= ret == TUNNEL_DEVICE_REMOVED;
	}
	return ret < 0 ? ret : removed ? TUNNEL_DEVICE_REMOVED : 0;
}
