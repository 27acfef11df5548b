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

static void pair_add(struct vxlan_pairs *list, const struct ip_addr *addr,
		     const struct mac_addr *mac)
{
	list->items[list->n++] = (struct vxlan_pair){.addr = *addr, .mac = *mac};
}

/* Sorts the list by its key, and leaves each key once. */
static void sort_once(struct vxlan_pairs *list, const struct vxlan_table *table)
{
	size_t kept = 0, in_order = 1;

	while (in_order < list->n &&
	       table->cmp(&list->items[in_order - 1], &list->items[in_order]) < 0)
		in_order++;
	if (in_order >= list->n)
		return;
	table->sort(list->items, list->n);
	for (size_t i = 0; i < list->n; i++)
		if (!kept || table->cmp(&list->items[kept - 1], &list->items[i]) != 0)
			list->items[kept++] = list->items[i];
	list->n = kept;
}

/* Adds the forwarding entries of a peer, to which the families may have the same end. */
static void forwarding_add(const struct tunnel_end ends[IP_FAMILIES],
			   const bool has[IP_FAMILIES],
			   struct vxlan_wanted wanted[IP_FAMILIES])
{
	for (int f = 0; f < IP_FAMILIES; f++)
		if (has[f] && !(f && has[0] && ends[0].underlay == ends[f].underlay))
			pair_add(&wanted[ends[f].underlay].forwarding, ends[f].addr,
				 ends[f].mac);
}

/* Each IPv4 range has a gateway of its own, and all IPv6 ranges of a peer have one that
 * follows from its MAC address. So nearly all is in order from the start: ranges are in
 * that of their addresses, IPv4 first, and peers in that of the MAC addresses that this
 * agent's nodes have. */
static void wanted_collect(const struct tunnel_plan *plan,
			   struct vxlan_wanted wanted[IP_FAMILIES])
{
	const struct ip_prefix v6 = {.addr.family = AF_INET6};
	struct tunnel_end ends[IP_FAMILIES];
	bool has[IP_FAMILIES];
	struct ip_addr gateway;

	for (size_t i = 0; i < plan->n_ranges; i++) {
		const struct tunnel_range *range = &plan->ranges[i];

		if (range->cidr.addr.family == AF_INET6)
			break;
		if (tunnel_peer_end(tunnel_range_peer(plan, i), 0, ends) != ROUTE_FINE)
			continue;
		gateway = tunnel_gateway(ends->mac, &range->cidr);
		pair_add(&wanted[ends->underlay].neighbours, &gateway, ends->mac);
	}
	for (size_t i = 0; i < plan->n_peers; i++) {
		const struct tunnel_peer *peer = tunnel_peer_by_mac(plan, i);

		for (int f = 0; f < IP_FAMILIES; f++)
			has[f] = tunnel_peer_end(peer, f, &ends[f]) == ROUTE_FINE;
		if (peer->has_v6 && has[1]) {
			gateway = tunnel_gateway(ends[1].mac, &v6);
			pair_add(&wanted[ends[1].underlay].neighbours, &gateway,
				 ends[1].mac);
		}
		forwarding_add(ends, has, wanted);
	}
}

static void wanted_clear(struct vxlan_wanted (*wanted)[IP_FAMILIES])
{
	for (int i = 0; i < IP_FAMILIES; i++)
		vxlan_wanted_clear(&(*wanted)[i]);
}

/* Fills what the devices are to have, by the family of the underlay, which is empty before.
 * The caller clears it, also after an error. Where all peers are reached by one device, it
 * has a neighbour for each range at most, and a forwarding entry for each peer. */
static int wanted_make(const struct tunnel_plan *plan,
		       struct vxlan_wanted wanted[IP_FAMILIES], struct cni_error *err)
{
	for (int i = 0; i < IP_FAMILIES; i++) {
		wanted[i].neighbours.items = reallocarray(NULL, plan->n_ranges + 1,
							  sizeof(struct vxlan_pair));
		wanted[i].forwarding.items = reallocarray(NULL, plan->n_peers + 1,
							  sizeof(struct vxlan_pair));
		if (!wanted[i].neighbours.items || !wanted[i].forwarding.items)
			return error_oom(err);
	}
	wanted_collect(plan, wanted);
	for (int i = 0; i < IP_FAMILIES; i++) {
		sort_once(&wanted[i].neighbours, &vxlan_neighbours);
		sort_once(&wanted[i].forwarding, &vxlan_forwarding);
	}
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

	if (vxlan->events_fd < 0) {
		ret = vxlan_events_open(&vxlan->events_fd, err);
		memset(vxlan->heard, 0, sizeof(vxlan->heard));
	}
	if (ret < 0 || memcmp(vxlan->heard, devices, sizeof(devices)) == 0)
		return ret;
	ret = vxlan_events_choose(vxlan->events_fd, devices, err);
	if (ret == 0)
		memcpy(vxlan->heard, devices, sizeof(devices));
	return ret;
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
	_cleanup_(wanted_clear) struct vxlan_wanted wanted[IP_FAMILIES] = {};
	struct cni_error each = {};
	int ret = wanted_make(plan, wanted, err), now;

	if (ret < 0)
		return ret;
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
		struct vxlan_side *side = &vxlan->sides[i];

		if (!plan->addresses[i].family || !side->index)
			continue;
		now = vxlan_entries_add(nl, &side->entries, side->index,
					vxlan_device_names[i], &wanted[i], &done->entries,
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
