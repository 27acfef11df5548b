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
#include "report.h"
#include "stages.h"
#include "sysctl.h"

static bool is_veth(const struct link *link)
{
	return strcmp(link->kind, "veth") == 0;
}

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

static void gateway_alias(const struct attachment *att, char ret_alias[LINK_ALIAS_MAX])
{
	snprintf(ret_alias, LINK_ALIAS_MAX, LINK_ALIAS_PREFIX "port of %s",
		 att->gateway_ifname);
}

/* The pair, the gateway's end not up yet. */
static int gateway_make(struct attachment *att, struct cni_error *err)
{
	char port[IF_NAMESIZE], alias[LINK_ALIAS_MAX];

	identity_vlan_port(att->gateway_ifname, port);
	gateway_alias(att, alias);
	queue_veth_add(att->node->rtnl,
		       &(struct veth_spec){
			       .host_name = port,
			       .peer_name = att->gateway_ifname,
			       .host_mac = identity_host_mac("", "", port),
			       .peer_mac = gateway_mac(att),
			       .mtu = att->mtu,
			       .bridge = att->bridge_index,
			       .peer_ns = att->node->ns,
			       .alias = alias,
		       });
	return netlink_commit(att->node->rtnl, err);
}

/* The other end of a veth, to be the bridge's port; no index where that leads elsewhere. */
static int gateway_port(struct attachment *att, const struct link *gateway,
			struct link *ret_port, struct cni_error *err)
{
	struct link port;
	int ret = link_get_by_index(att->node->rtnl, gateway->peer, &port, err);

	if (ret < 0)
		return ret;
	if (port.peer != gateway->index)
		port = (struct link){};
	*ret_port = port;
	return 0;
}

/* Up, which is its last step, and the bridge not deleted under it since. */
static int gateway_is_complete(struct attachment *att, const struct link *gateway,
			       bool *ret_complete, struct cni_error *err)
{
	struct link port = {.master = att->bridge_index};
	int ret = 0;

	if (gateway->up && is_veth(gateway))
		ret = gateway_port(att, gateway, &port, err);
	*ret_complete = gateway->up && gateway->ipv6.accept_ra <= 0 &&
			port.master == att->bridge_index;
	return ret;
}

/* One that was made here and has lost its bridge. */
static bool may_attach(const struct attachment *att, const struct link *port)
{
	char alias[LINK_ALIAS_MAX];

	gateway_alias(att, alias);
	return port->index && !port->master && strcmp(port->alias, alias) == 0;
}

/* The port's VLAN, then up: that is its last step, and says that it is complete. */
static int gateway_finish(struct attachment *att, const struct link *gateway,
			  struct cni_error *err)
{
	struct netlink *nl = att->node->rtnl;
	struct link port;
	int ret;

	if (is_veth(gateway)) {
		ret = gateway_port(att, gateway, &port, err);
		if (ret == 0 && port.master != att->bridge_index &&
		    !may_attach(att, &port))
			return error_set(
				err, CNI_ERR_EXISTS, EEXIST,
				"vlan: %s is to be the VLAN's gateway, but its "
				"other end is no port of %s; remove or rename it",
				gateway->name, att->conf.bridge);
		if (ret < 0)
			return ret;
		if (!port.master)
			queue_port_attach(nl, port.index,
					  &(struct veth_spec){
						  .host_name = port.name,
						  .bridge = att->bridge_index,
					  });
		queue_vlans(nl, att, port.index, port.name);
		ret = netlink_commit(nl, err);
		if (ret < 0)
			return ret;
	}
	queue_link_up(nl, gateway->index, gateway->name);
	return netlink_commit(nl, err);
}

/* Makes what is missing; the exclusive lock is held. */
static int gateway_complete(struct attachment *att, struct link *gateway,
			    struct cni_error *err)
{
	struct netlink *nl = att->node->rtnl;
	bool make = !gateway->index;
	int ret = 0;

	if (make)
		ret = gateway_make(att, err);
	if (ret == -EEXIST) /* that, then, is not what was made here */
		return ret;
	if (ret == 0 && make)
		ret = link_get(nl, att->gateway_ifname, gateway, err);
	if (ret == 0)
		ret = sysctl_accept_ra_off(att->gateway_ifname, err);
	if (ret == 0)
		ret = gateway_finish(att, gateway, err);
	if (ret == 0)
		report_done(att, "vlan: the gateway's interface %s", gateway->name);
	if (ret < 0 && make) {
		struct cni_error ignored = {};

		/* The kernel makes the pair before it makes it a port. */
		queue_link_del(nl, att->gateway_ifname);
		netlink_commit(nl, &ignored);
	}
	return ret;
}

/* A veth is what is made here and by the reference; a VLAN device, what people make. */
static int must_serve(const struct attachment *att, const struct link *link,
		      struct cni_error *err)
{
	if (!link->index || is_veth(link) ||
	    (strcmp(link->kind, "vlan") == 0 && link->peer == att->bridge_index))
		return 0;
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "vlan: %s is to be the VLAN's gateway, but an interface of kind "
			 "\"%s\" has that name; remove or rename it",
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
	bool complete = false;
	struct link link;
	int ret;

	gateway_name(att);
	ret = link_get(nl, att->gateway_ifname, &link, err);
	if (ret == 0)
		ret = must_serve(att, &link, err);
	if (ret == 0)
		ret = gateway_is_complete(att, &link, &complete, err);
	if (ret == 0 && !complete) {
		ret = node_lock(att->node, NODE_EXCLUSIVE, err);
		if (ret == 0)
			ret = link_get(nl, att->gateway_ifname, &link, err);
		if (ret == 0)
			ret = must_serve(att, &link, err);
		if (ret == 0)
			ret = gateway_is_complete(att, &link, &complete, err);
		if (ret == 0 && !complete)
			ret = gateway_complete(att, &link, err);
	}
	if (ret < 0)
		return ret;
	att->gateway_index = link.index;
	att->gateway_mac = link.mac;
	return 0;
}

/* Addresses for it come from an IPAM only. */
static bool wants_gateway(const struct net_conf *conf)
{
	return conf->vlan && conf->is_gateway && conf->ipam.type && *conf->ipam.type;
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
	return ret < 0 || !wants_gateway(conf) ? ret : gateway_ensure(att, err);
}

static int access_check(const struct attachment *att, const char *port,
			const struct port_vlans *vlans, struct cni_error *err)
{
	uint32_t vlan = att->conf.vlan;

	if (vlan && vlans->pvid != vlan)
		return error_set(err, CNI_ERR_CHECK, EINVAL,
				 "%s: expected an access port of VLAN %u, found PVID %u",
				 port, vlan, vlans->pvid);
	if (vlan && !vlans->untagged[vlan])
		return error_set(err, CNI_ERR_CHECK, EINVAL,
				 "%s: expected an access port of VLAN %u, found frames "
				 "leaving it tagged",
				 port, vlan);
	return 0;
}

static int trunk_check(const struct attachment *att, const struct port_vlans *vlans,
		       struct cni_error *err)
{
	for (size_t i = 0; i < att->conf.vlan_trunk.n; i++) {
		const struct vlan_trunk *trunk = &att->conf.vlan_trunk.items[i];
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

static bool asks_for(const struct net_conf *conf, uint32_t vlan)
{
	for (size_t i = 0; i < conf->vlan_trunk.n; i++) {
		const struct vlan_trunk *trunk = &conf->vlan_trunk.items[i];

		if (vlan == trunk->id || (vlan >= trunk->min_id && vlan <= trunk->max_id))
			return true;
	}
	return vlan == conf->vlan;
}

/* Another one's frames, where preserveDefaultVlan is false. */
static int default_vlan_check(const struct attachment *att,
			      const struct port_vlans *vlans, struct cni_error *err)
{
	uint16_t vlan = att->bridge_default_vlan;

	if (att->conf.preserve_default_vlan || !vlans->member[vlan] ||
	    asks_for(&att->conf, vlan))
		return 0;
	return error_set(err, CNI_ERR_CHECK, EINVAL,
			 "%s: expected it not to be in the default VLAN %u "
			 "(preserveDefaultVlan is false), found it there",
			 att->host_ifname, vlan);
}

static int gateway_check(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->node->rtnl;
	char name[2 * IF_NAMESIZE + 16];
	struct port_vlans vlans;
	struct link link, port;
	int ret;

	gateway_name(att);
	ret = link_get(nl, att->gateway_ifname, &link, err);
	if (ret < 0)
		return ret;
	if (!link.up)
		return error_set(err, CNI_ERR_CHECK, ENODEV,
				 "vlan: expected the gateway's interface %s up, found %s",
				 att->gateway_ifname, link.index ? "it down" : "none");
	att->gateway_index = link.index;
	if (!is_veth(&link))
		return 0;

	ret = gateway_port(att, &link, &port, err);
	if (ret < 0)
		return ret;
	if (port.master != att->bridge_index)
		return error_set(err, CNI_ERR_CHECK, ENODEV,
				 "vlan: expected the other end of %s to be a port of %s, "
				 "found it is not",
				 link.name, att->conf.bridge);
	ret = port_vlans_get(nl, port.index, &vlans, err);
	snprintf(name, sizeof(name), "%s, port of %s", port.name, link.name);
	return ret < 0 ? ret : access_check(att, name, &vlans, err);
}

static int port_check(const struct attachment *att, struct cni_error *err)
{
	struct port_vlans vlans;
	int ret = port_vlans_get(att->node->rtnl, att->host_index, &vlans, err);

	if (ret == 0)
		ret = access_check(att, att->host_ifname, &vlans, err);
	if (ret == 0)
		ret = trunk_check(att, &vlans, err);
	return ret < 0 ? ret : default_vlan_check(att, &vlans, err);
}

static int vlan_check(struct attachment *att, struct cni_error *err)
{
	const struct net_conf *conf = &att->conf;
	int ret;

	if (!conf->vlan && !conf->vlan_trunk.n)
		return 0;
	ret = port_check(att, err);
	return ret < 0 || !wants_gateway(conf) ? ret : gateway_check(att, err);
}

static int vlan_repair(struct attachment *att, struct cni_error *err)
{
	const struct net_conf *conf = &att->conf;
	struct netlink *nl = att->node->rtnl;
	int ret;

	if (!att->host_index || (!conf->vlan && !conf->vlan_trunk.n))
		return 0;
	ret = port_check(att, err);
	if (err->code == CNI_ERR_CHECK) {
		error_clear(err);
		queue_vlans(nl, att, att->host_index, att->host_ifname);
		ret = netlink_commit(nl, err);
		if (ret == 0)
			report_done(att, "%s: its VLANs", att->host_ifname);
	}
	return ret < 0 || !wants_gateway(conf) ? ret : gateway_ensure(att, err);
}

const struct stage stage_vlan = {
	.name = "vlan",
	.add = vlan_add,
	.check = vlan_check,
	.repair = vlan_repair,
};
