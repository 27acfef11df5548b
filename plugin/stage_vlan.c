/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vlan and vlanTrunk: the VLANs of the attachment's port, which go with the port; and, with
 * isGateway, the VLAN's gateway: a veth pair on the node, one end an access port of the
 * bridge, the other, BRIDGE.VLAN, holding the addresses. That one is shared.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "netlink_vlan.h"
#include "stages.h"

static void queue_vlans(struct netlink *nl, const struct attachment *att,
			unsigned int port, const char *name)
{
	const struct net_conf *conf = &att->conf;

	if (!conf->preserve_default_vlan && att->bridge_default_vlan)
		queue_port_vlan_del(nl, port, name, att->bridge_default_vlan);
	if (conf->vlan)
		queue_port_access_vlan(nl, port, name, conf->vlan);
	for (size_t i = 0; i < conf->vlan_trunk.n; i++) {
		const struct vlan_trunk *trunk = &conf->vlan_trunk.items[i];

		if (trunk->id)
			queue_port_trunk_vlans(nl, port, name, trunk->id, trunk->id);
		if (trunk->min_id)
			queue_port_trunk_vlans(nl, port, name, trunk->min_id,
					       trunk->max_id);
	}
}

/* The bridge's own address with the VLAN's number in it: the node's, and stable. */
static struct mac_addr gateway_mac(const struct attachment *att)
{
	struct mac_addr mac = att->bridge_mac;

	mac.bytes[4] ^= att->conf.vlan >> 8;
	mac.bytes[5] ^= att->conf.vlan & 0xff;
	return mac;
}

static int gateway_make(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->node->rtnl;
	char port[IF_NAMESIZE], alias[LINK_ALIAS_MAX];
	unsigned int index;
	int ret;

	identity_vlan_port(att->gateway_ifname, port);
	snprintf(alias, sizeof(alias), "bridge-cni port of %s", att->gateway_ifname);
	queue_veth_add(nl, &(struct veth_spec){
				   .host_name = port,
				   .peer_name = att->gateway_ifname,
				   .host_mac = identity_host_mac("", "", port),
				   .peer_mac = gateway_mac(att),
				   .mtu = att->mtu,
				   .bridge = att->bridge_index,
				   .peer_ns = att->node->ns,
				   .alias = alias,
			   });
	ret = netlink_commit(nl, err);
	if (ret < 0)
		return ret;
	/* Before the VLAN is set it must not be up: absent, or complete, by its last step. */
	index = netlink_ifindex(nl, port);
	queue_vlans(nl, att, index, port);
	ret = netlink_commit(nl, err);
	if (ret == 0) {
		index = netlink_ifindex(nl, att->gateway_ifname);
		queue_link_up(nl, index, att->gateway_ifname);
		ret = netlink_commit(nl, err);
	}
	if (ret < 0) {
		queue_link_del(nl, port);
		netlink_commit(nl, &(struct cni_error){});
	}
	return ret;
}

/* Not up: what a killed ADD left half made. */
static int gateway_remake(struct attachment *att, struct link *link,
			  struct cni_error *err)
{
	struct netlink *nl = att->node->rtnl;
	int ret = 0;

	if (link->index) {
		queue_link_del(nl, att->gateway_ifname);
		ret = netlink_commit(nl, err);
	}
	if (ret == 0)
		ret = gateway_make(att, err);
	return ret < 0 ? ret : link_get(nl, att->gateway_ifname, link, err);
}

static int must_be_veth(const struct link *link, struct cni_error *err)
{
	if (!link->index || strcmp(link->kind, "veth") == 0)
		return 0;
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "vlan: %s is to be the VLAN's gateway, but an interface of kind "
			 "\"%s\" has that name; rename it",
			 link->name, link->kind);
}

/* BRIDGE.VLAN; that it fits, the configuration's check has seen to. */
static void gateway_name(struct attachment *att)
{
	char name[IF_NAMESIZE + 16];

	snprintf(name, sizeof(name), "%s.%u", att->conf.bridge, att->conf.vlan);
	memcpy(att->gateway_ifname, name, sizeof(att->gateway_ifname) - 1);
}

static int gateway_ensure(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->node->rtnl;
	struct link link;
	int ret;

	gateway_name(att);
	ret = link_get(nl, att->gateway_ifname, &link, err);
	if (ret == 0)
		ret = must_be_veth(&link, err);
	if (ret == 0 && !link.up) {
		ret = node_lock(att->node, NODE_EXCLUSIVE, err);
		if (ret == 0)
			ret = link_get(nl, att->gateway_ifname, &link, err);
		if (ret == 0)
			ret = must_be_veth(&link, err);
		if (ret == 0 && !link.up)
			ret = gateway_remake(att, &link, err);
	}
	if (ret < 0)
		return ret;
	att->gateway_index = link.index;
	att->gateway_mac = link.mac;
	return 0;
}

static int vlan_add(struct attachment *att, struct cni_error *err)
{
	const struct net_conf *conf = &att->conf;
	struct netlink *nl = att->node->rtnl;
	int ret;

	if (!conf->vlan && !conf->vlan_trunk.n)
		return 0;
	queue_vlans(nl, att, netlink_ifindex(nl, att->host_ifname), att->host_ifname);
	ret = netlink_commit(nl, err);
	if (ret < 0 || !conf->vlan || !conf->is_gateway)
		return ret;
	return gateway_ensure(att, err);
}

static int port_vlans_check(const struct attachment *att, const struct port_vlans *vlans,
			    struct cni_error *err)
{
	const struct net_conf *conf = &att->conf;

	if (conf->vlan && (vlans->pvid != conf->vlan || !vlans->untagged[conf->vlan]))
		return error_set(err, CNI_ERR_CHECK, EINVAL,
				 "%s: expected an access port of VLAN %u, found PVID %u",
				 att->host_ifname, conf->vlan, vlans->pvid);
	for (size_t i = 0; i < conf->vlan_trunk.n; i++) {
		const struct vlan_trunk *trunk = &conf->vlan_trunk.items[i];
		uint32_t vlan = trunk->min_id;

		while (vlan && vlan < trunk->max_id && vlans->member[vlan])
			vlan++;
		if (trunk->id && !vlans->member[trunk->id])
			vlan = trunk->id;
		if (vlan && !vlans->member[vlan])
			return error_set(
				err, CNI_ERR_CHECK, EINVAL,
				"%s: expected a trunk port with VLAN %u, found it "
				"not in that VLAN",
				att->host_ifname, vlan);
	}
	return 0;
}

static int vlan_check(struct attachment *att, struct cni_error *err)
{
	const struct net_conf *conf = &att->conf;
	struct netlink *nl = att->node->rtnl;
	struct port_vlans vlans;
	struct link link;
	int ret;

	if (!conf->vlan && !conf->vlan_trunk.n)
		return 0;
	ret = port_vlans_get(nl, att->host_index, &vlans, err);
	if (ret == 0)
		ret = port_vlans_check(att, &vlans, err);
	if (ret < 0 || !conf->vlan || !conf->is_gateway)
		return ret;

	gateway_name(att);
	ret = link_get(nl, att->gateway_ifname, &link, err);
	if (ret == 0 && !link.up)
		return error_set(err, CNI_ERR_CHECK, ENODEV,
				 "vlan: expected the gateway's interface %s up, found %s",
				 att->gateway_ifname, link.index ? "it down" : "none");
	att->gateway_index = link.index;
	return ret;
}

const struct stage stage_vlan = {
	.name = "vlan",
	.add = vlan_add,
	.check = vlan_check,
};
