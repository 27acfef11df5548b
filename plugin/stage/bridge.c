/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node's bridge. Attachments share it, so it is made and completed step by step under
 * the exclusive lock, and DEL leaves it. An ADD that fails takes away the bridge that it
 * has made.
 */
#include "bridge_mac.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/link.h"
#include "plugin/node/accept_ra.h"
#include "plugin/node/uplink.h"
#include "bridge_alias.h"
#include "bridge_nf.h"
#include "groups.h"
#include "isolate_networks.h"
#include "stages.h"

/*
 * The most addresses that a bridge made here learns. When a port goes the kernel looks at
 * each of them: with 100,000 an ADD takes five times as long, with 2048 some hundredths
 * more. A bridge has at most 1023 ports, with a pod behind each; as many again may be
 * behind an uplink that is a port. Above that frames for the others go to all ports.
 */
#define LEARNED_MAX 2048

static int must_be_bridge(const struct link *link, struct cni_error *err)
{
	if (!link->index || link_is(link, "bridge"))
		return 0;
	if (link_is(link, "openvswitch"))
		return error_set(err, CNI_ERR_EXISTS, EEXIST,
				 "bridge: %s is a bridge of Open vSwitch; to attach pods "
				 "to it set \"switch\": \"ovs\"",
				 link->name);
	return error_set(
		err, CNI_ERR_EXISTS, EEXIST,
		"bridge: an interface %s exists and is no bridge but %s%s; remove "
		"it or give the bridge another name%s",
		link->name, link->kind[0] ? "of kind " : "a device", link->kind,
		link_is(link, "tun") ? "; if it is a bridge of Open vSwitch, whose "
				       "datapath is in user space, set \"switch\": "
				       "\"ovs\""
				     : "");
}

static int no_vlan_filtering(const struct network *network, struct cni_error *err)
{
	return error_set(
		err, CNI_ERR_KERNEL, EOPNOTSUPP,
		"%s: this kernel's bridges can't filter VLANs; it would have to be "
		"built with CONFIG_BRIDGE_VLAN_FILTERING=y",
		network->vlan ? "vlan" : "vlanTrunk");
}

/* Gives the MTU of a bridge that is made here: the one that is configured, else the
 * smallest of the uplinks in use. */
static int made_mtu(struct attachment *att, uint32_t *ret_mtu, struct cni_error *err)
{
	uint32_t mtu = att->network->mtu;

	for (size_t i = 0; !att->network->mtu && i < IP_FAMILIES; i++) {
		uint32_t uplink = 0;
		int ret = 0;

		if (attachment_uses(att, ip_families[i]) ||
		    (att->ipam.ips.n == 0 && ip_families[i] == AF_INET))
			ret = uplink_mtu(att->op->node.rtnl, ip_families[i], &uplink,
					 err);
		if (ret < 0)
			return ret;
		if (uplink && (!mtu || uplink < mtu))
			mtu = uplink;
	}
	if (mtu > UINT16_MAX)
		mtu = UINT16_MAX; /* a bridge's largest */
	if (mtu)
		*ret_mtu = mtu;
	return 0;
}

static bool wants_vlans(const struct network *network)
{
	return network_native_vlan(network);
}

/* True: nothing is left to do for this bridge. */
static bool is_complete(const struct attachment *att, const struct link *link)
{
	const struct network *network = att->network;

	return link->index && link->up && bridge_alias_serves(att, link) &&
	       accept_ra_is_off(link) && bridge_mac_is_pinned(att, link) &&
	       (!network->promisc_mode || link->promisc) &&
	       (!wants_vlans(network) || link->bridge.filters_vlans) &&
	       (!groups_wants_querier(att, link) || link->bridge.querier);
}

/* Makes the bridge, which stays down. A kernel that can't filter VLANs makes no bridge
 * that is to filter them. */
static int make(struct attachment *att, struct link *link, bool *ret_made,
		struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	const struct network *network = att->network;
	int ret;

	queue_bridge_add(nl, &(struct bridge_spec){
				     .name = network->bridge,
				     .mac = bridge_own_mac(att),
				     .filter_vlans = wants_vlans(network),
				     .learned_max = LEARNED_MAX,
			     });
	ret = netlink_commit(nl, err);
	if (ret == -EOPNOTSUPP && wants_vlans(network)) {
		error_clear(err);
		return no_vlan_filtering(network, err);
	}
	*ret_made = ret == 0;
	/* Somebody who doesn't take the node lock may have been quicker. */
	if (ret == -EEXIST)
		ret = error_clear(err);
	if (ret == 0)
		ret = link_get(nl, network->bridge, link, err);
	if (ret == 0 && !link->index) {
		*ret_made = false;
		return error_set(err, CNI_ERR_TRY_AGAIN, ENODEV,
				 "bridge: %s was deleted before it was set up",
				 network->bridge);
	}
	return ret < 0 ? ret : must_be_bridge(link, err);
}

/* Sets the MTU. Only one that is set stays when the last port goes: the one that a bridge
 * is created with doesn't, nor does setting it to what it is. */
static int set_mtu(struct attachment *att, struct link *link, struct cni_error *err)
{
	int ret = made_mtu(att, &link->mtu, err);

	if (ret == 0 && link->mtu != ETH_DATA_LEN)
		queue_link_mtu(att->op->node.rtnl, link->index, link->name, link->mtu);
	return ret;
}

static void set_querier(struct attachment *att, struct link *link)
{
	bool wanted = groups_wants_querier(att, link);
	/* Filtering is turned on: groups are kept by VLAN then. */
	bool no_more = link->bridge.querier && wants_vlans(att->network) &&
		       !link->bridge.filters_vlans && bridge_has_own_mac(att, link);

	if (!no_more && (!wanted || link->bridge.querier))
		return;
	queue_bridge_querier(att->op->node.rtnl, link->index, link->name, wanted);
	link->bridge.querier = wanted;
}

/* Gives the bridge what it lacks. @made: it was made here, by this ADD or by one that got
 * no further. */
static int set_up(struct attachment *att, struct link *link, bool made,
		  struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	const struct network *network = att->network;
	const char *name = network->bridge;
	bool other_ports;
	int ret = 0;

	if (wants_vlans(network) && !link->bridge.can_filter_vlans)
		ret = no_vlan_filtering(network, err);
	if (ret == 0 && !bridge_alias_serves(att, link))
		ret = bridge_alias_set(att, link, err);
	if (ret == 0 && bridge_alias_is_ours(link, &other_ports) && !other_ports)
		ret = isolate_network_made(att, name, err);
	if (ret == 0)
		ret = accept_ra_off(link, err);
	if (ret == 0 && made)
		ret = set_mtu(att, link, err);
	if (ret < 0)
		return ret;
	if (!bridge_mac_is_pinned(att, link)) {
		link->mac = bridge_mac_to_pin(att, link);
		queue_link_mac(nl, link->index, name, &link->mac);
	}
	if (network->promisc_mode && !link->promisc)
		queue_link_promisc(nl, link->index, name);
	if (wants_vlans(network) && !link->bridge.filters_vlans)
		queue_vlan_filtering(nl, link->index, name);
	set_querier(att, link);
	if (!link->up)
		queue_link_up(nl, link->index, name);
	return netlink_commit(nl, err);
}

/* Deletes the bridge that this ADD has made. */
static void unmake(struct attachment *att, unsigned int index)
{
	struct netlink *nl = att->op->node.rtnl;

	netlink_discard(nl);
	queue_link_del_known(nl, &(struct link_known){index, att->bridge});
	netlink_commit(nl, NULL);
}

/* Has the bridge no ports? False also where that can't be told. */
static bool is_unused(struct attachment *att)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	bool found = false;

	if (link_list_get(att->op->node.rtnl, &links, NULL) < 0)
		return false;
	for (size_t i = 0; i < links.n; i++) {
		if (links.items[i].master == att->bridge_index)
			return false;
		found = found || links.items[i].index == att->bridge_index;
	}
	return found;
}

/* Makes or completes the bridge; the exclusive lock is held. */
static int complete(struct attachment *att, struct link *link, struct cni_error *err)
{
	/* An ADD that was killed has left the bridge as it is made: down, with the MAC
	 * address that bridges made here have. Somebody's own bridge may be down, and
	 * have its MAC address set, too. */
	bool half_made = link->index && !link->up && bridge_has_own_mac(att, link);
	bool now = false;
	int ret = link->index ? 0 : make(att, link, &now, err);

	if (ret == 0)
		ret = set_up(att, link, now || half_made, err);
	if (ret < 0 && now)
		unmake(att, link->index);
	att->bridge_made = ret == 0 && now;
	if (ret == 0)
		ipam_note_owner(&att->ipam_env, att->network);
	if (ret == 0)
		report_done(att,
			    now ? "made the bridge %s"
				: "bridge %s: up, and set as configured",
			    att->bridge);
	return ret;
}

/* Tells of spanning tree, with which a pod's ADD succeeds and the pod has no network for
 * a while. A repair tells nothing. */
static void tell_spanning_tree(struct attachment *att, const struct link *link)
{
	if (!attachment_is_repaired(att) && link->bridge.spanning_tree)
		notice(&att->op->notices,
		       "bridge %s has spanning tree on: a new pod's frames "
		       "pass only after %u s (two forward delays); turn it "
		       "off (ip link set %s type bridge stp_state 0), or "
		       "lower forward_delay",
		       link->name, 2 * link->bridge.forward_delay, link->name);
}

static void facts_fill(struct attachment *att, const struct link *link)
{
	att->bridge_index = link->index;
	att->bridge_mac = link->mac;
	att->bridge_mtu = link->mtu;
	att->bridge_ipv6 = link->ipv6.accept_ra >= 0;
	att->bridge_idle = !link->carrier || !link->operational;
	att->bridge_default_vlan = link->bridge.default_vlan;
	snprintf(att->gateway_ifname, sizeof(att->gateway_ifname), "%s", link->name);
	att->gateway_index = link->index;
	att->gateway_ipv6 = att->bridge_ipv6;
	att->gateway_forwards = link->ipv4.forwarding != 0;
	att->gateway_localnet = link->ipv4.route_localnet;
	/* Only these two ask, and it takes a system call. */
	att->gateway_is_own = (att->pod->quiet || link->bridge.querier) &&
			      bridge_has_own_mac(att, link);
	att->bridge_keeps_groups = link->bridge.snooping && !link->bridge.filters_vlans &&
				   !wants_vlans(att->network);
	att->bridge_queries = link->bridge.querier && att->gateway_is_own;
}

static void netfilter_fill(struct attachment *att, const struct link *link)
{
	att->bridge_nf[0] = link->bridge.nf_call_iptables;
	att->bridge_nf[1] = link->bridge.nf_call_ip6tables;
}

/* Refuses what can't work before anything is made. */
static int netfilter_check(struct attachment *att, const struct link *link,
			   struct cni_error *err)
{
	netfilter_fill(att, link);
	return bridge_nf_refuse(att, err);
}

static int bridge_add(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	const char *name = att->bridge;
	struct link link;
	int ret;

	ret = link_get(nl, name, &link, err);
	if (ret == 0)
		ret = must_be_bridge(&link, err);
	if (ret == 0)
		ret = netfilter_check(att, &link, err);
	if (ret == 0 && !is_complete(att, &link)) {
		ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
		if (ret == 0)
			ret = link_get(nl, name, &link, err);
		if (ret == 0)
			ret = must_be_bridge(&link, err);
		if (ret == 0)
			ret = complete(att, &link, err);
	}
	if (ret < 0)
		return ret;

	facts_fill(att, &link);
	tell_spanning_tree(att, &link);
	return bridge_alias_join(att, &link, err);
}

static int bridge_check(struct attachment *att, struct cni_error *err)
{
	const char *name = att->bridge;
	struct link link;
	int ret;

	ret = link_get(att->op->node.rtnl, name, &link, err);
	if (ret < 0)
		return ret;
	if (!link.index)
		return error_set(
			err, CNI_ERR_CHECK, ENODEV,
			"bridge: expected the bridge %s, found no such interface; "
			"`bridge-cni repair` makes it, with its pods' ports",
			name);
	if (!link_is(&link, "bridge"))
		return error_set(err, CNI_ERR_CHECK, ENODEV,
				 "bridge: expected the bridge %s, found an interface of "
				 "kind \"%s\"",
				 name, link.kind);
	if (!link.up)
		return error_set(err, CNI_ERR_CHECK, ENETDOWN,
				 "bridge: expected %s up, found it down; `bridge-cni "
				 "repair` sets it up",
				 name);
	if (att->network->promisc_mode && !link.promisc)
		return error_set(err, CNI_ERR_CHECK, EINVAL,
				 "bridge: expected %s in promiscuous mode, found it not",
				 name);
	if (wants_vlans(att->network) && !link.bridge.filters_vlans)
		return error_set(err, CNI_ERR_CHECK, EINVAL,
				 "bridge: expected %s to filter VLANs, found it not to",
				 name);

	/* The bridge's MAC address is shared, too. Another one than prevResult's is no
	 * fault of this attachment (containernetworking/cni#285). */
	facts_fill(att, &link);
	netfilter_fill(att, &link);
	return bridge_alias_check(att, &link, err);
}

/*
 * Deletes the bridge that this ADD made. Another ADD that has found the bridge keeps the
 * node lock until its port is there, so under the exclusive lock a bridge without ports
 * is nobody's. A bridge that can't be removed stays, and is complete.
 */
static int bridge_del(struct attachment *att, struct cni_error *err)
{
	(void)err;
	if (att->bridge_made && node_lock(&att->op->node, NODE_EXCLUSIVE, NULL) == 0 &&
	    is_unused(att))
		unmake(att, att->bridge_index);
	return 0;
}

static void bridge_interfaces(const struct attachment *att, struct stage_interfaces *list)
{
	stage_interfaces_add(list, att->bridge, &att->bridge_mac, att->bridge_mtu, NULL);
}

const struct stage stage_bridge = {
	.name = "bridge",
	.switches = SWITCH_BIT(SWITCH_BRIDGE),
	.add = bridge_add,
	.check = bridge_check,
	.del = bridge_del,
	.repair = bridge_add,
	.interfaces = bridge_interfaces,
};
