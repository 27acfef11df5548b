/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quietBridge: who wants to send to a pod need not ask all of them where it is. The bridge
 * knows each port's MAC address for good (port.c), sends no other unicast frame to it
 * (veth.c), and the node has a permanent neighbour for each address (neighbours.c). Here is
 * the pod's side: a permanent neighbour for each of its gateways, which addresses.c adds.
 * The kernel forgets it when the pod sets its interface down; then the pod asks, as usual.
 */
#include "quiet.h"

#include <errno.h>
#include <string.h>

#include "plugin/netlink/fdb.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/neighbour.h"
#include "stages.h"

/* A VLAN's gateway has a MAC address of its own. */
static const struct mac_addr *gateway_mac(const struct attachment *att)
{
	return att->gateway_mac.set ? &att->gateway_mac : &att->bridge_mac;
}

/* The gateway has to be an address of a bridge made here: that has the same MAC address
 * again when it is made anew, and nobody would correct what the pod knows. */
static bool is_lasting(const struct attachment *att, const struct ip_config *ip)
{
	return att->quiet && att->network->is_gateway && att->gateway_is_own &&
	       ip->gateway.family;
}

void quiet_queue_gateways(struct attachment *att)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		const struct ip_config *ip = &att->ipam.ips.items[i];

		if (is_lasting(att, ip))
			queue_neighbour_set(att->pod_ns.rtnl, att->container_index,
					    att->pod->ifname, &ip->gateway,
					    gateway_mac(att));
	}
}

/* That there is none is no fault: the pod asks then. */
static int gateways_check(struct attachment *att, struct cni_error *err)
{
	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		const struct ip_config *ip = &att->ipam.ips.items[i];
		const struct mac_addr *mac = gateway_mac(att);
		struct neighbour found;
		int ret;

		if (!ip->gateway.family)
			continue;
		ret = neighbour_get(att->pod_ns.rtnl, att->container_index, &ip->gateway,
				    &found, err);
		if (ret < 0)
			return ret;
		if (found.permanent && found.mac.set &&
		    memcmp(found.mac.bytes, mac->bytes, MAC_LEN) != 0)
			return error_set(
				err, CNI_ERR_CHECK, EINVAL,
				"%s: expected the gateway %s to have the MAC address %s "
				"of %s, found %s for good: the pod doesn't reach it; give "
				"%s that address again, or delete the pod",
				att->pod->ifname, IP_TEXT(&ip->gateway), MAC_TEXT(mac),
				att->gateway_ifname, MAC_TEXT(&found.mac),
				att->gateway_ifname);
	}
	return 0;
}

/* Is it an interface that sends by the pod's with a MAC address of its own? Frames of a
 * macvlan (VRRP has one), of a tap or of a container in the pod come from a device that is
 * based on the pod's interface, or is a port of the same bridge in the pod. */
static bool is_stranger(const struct link *own, const struct link *other)
{
	bool based = other->peer == own->index && !other->peer_elsewhere;
	bool beside = own->master &&
		      (other->master == own->master || other->index == own->master);

	return other->index != own->index && (based || beside) && other->mac.set &&
	       memcmp(other->mac.bytes, own->mac.bytes, MAC_LEN) != 0;
}

const struct link *quiet_stranger(const struct link_list *links, const struct link *own)
{
	for (size_t i = 0; i < links->n; i++)
		if (is_stranger(own, &links->items[i]))
			return &links->items[i];
	return NULL;
}

/* The interface takes frames for such an address, too, and so does a bridge in the pod that
 * it is a port of. */
int quiet_stranger_elsewhere(struct netlink *nl, const struct link *own,
			     struct mac_addr *ret_mac, struct cni_error *err)
{
	const unsigned int indexes[] = {own->index, own->master};
	struct mac_addr found = {};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(indexes) && indexes[i]; i++) {
		_cleanup_(mac_list_clear) struct mac_list served = {};

		ret = fdb_served_get(nl, indexes[i], &served, err);
		for (size_t k = 0; k < served.n; k++)
			if (!(served.items[k].bytes[0] & 1) && /* no multicast group */
			    memcmp(served.items[k].bytes, own->mac.bytes, MAC_LEN) != 0)
				found = served.items[k];
	}
	if (ret == 0)
		*ret_mac = found;
	return ret;
}

static int strangers_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	const struct link *own = NULL, *stranger;
	struct mac_addr mac = {};
	int ret = link_list_get(att->pod_ns.rtnl, &links, err);

	for (size_t i = 0; ret == 0 && i < links.n; i++)
		if (links.items[i].index == att->container_index)
			own = &links.items[i];
	if (!own)
		return ret;
	stranger = quiet_stranger(&links, own);
	if (stranger)
		mac = stranger->mac;
	else
		ret = quiet_stranger_elsewhere(att->pod_ns.rtnl, own, &mac, err);
	if (ret < 0 || !mac.set)
		return ret;
	return error_set(err, CNI_ERR_CHECK, EINVAL,
			 "quietBridge: expected the pod to send from the MAC address of "
			 "%s alone, found %s with %s behind it, which no frame reaches; "
			 "leave the key out for such pods",
			 own->name,
			 stranger ? stranger->name : "an interface of another namespace",
			 MAC_TEXT(&mac));
}

static int quiet_check(struct attachment *att, struct cni_error *err)
{
	int ret = att->quiet ? gateways_check(att, err) : 0;

	return ret < 0 || !att->quiet ? ret : strangers_check(att, err);
}

const struct stage stage_quiet = {
	.name = "quiet",
	.switches = SWITCH_BIT(SWITCH_BRIDGE),
	.check = quiet_check,
};
