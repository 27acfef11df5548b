/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes BRIDGE.VLAN, which has the gateway addresses where vlan and isGateway meet. */
#include "vlan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugin/attachment/report.h"
#include "plugin/netlink/fdb.h"
#include "plugin/netlink/link.h"
#include "plugin/node/accept_ra.h"
#include "plugin/node/node.h"
#include "isolate_networks.h"

static bool is_veth(const struct link *link)
{
	return link_is(link, "veth");
}

/* The gateway's MAC address is the bridge's with the VLAN's number in it: the node's own,
 * and stable. */
static struct mac_addr gateway_mac(const struct attachment *att)
{
	struct mac_addr mac = att->bridge_mac;

	mac.bytes[4] ^= att->network->vlan >> 8;
	mac.bytes[5] ^= att->network->vlan & 0xff;
	return mac;
}

/* A gateway that was renamed is no longer found, but its port has the name that the new one's
 * is to have, and leads to the VLAN: both ends are deleted. */
static int former_delete(struct attachment *att, const char *port, struct cni_error *err)
{
	struct link link;
	int ret = link_get(att->op->node.rtnl, port, &link, err);

	if (ret < 0 || !is_veth(&link))
		return ret;
	queue_link_del(att->op->node.rtnl, port);
	return netlink_commit(att->op->node.rtnl, err);
}

/* Makes the pair. The gateway's end is not up yet. */
static int gateway_make(struct attachment *att, struct cni_error *err)
{
	char port[IF_NAMESIZE];
	int ret;

	identity_vlan_port(att->gateway_ifname, port);
	ret = former_delete(att, port, err);
	if (ret < 0)
		return ret;
	queue_veth_add(att->op->node.rtnl,
		       &(struct veth_spec){
			       .host_name = port,
			       .peer_name = att->gateway_ifname,
			       .host_mac = identity_host_mac(hash_text(""), "", port),
			       .peer_mac = gateway_mac(att),
			       .mtu = att->mtu,
			       .bridge = att->bridge_index,
			       .peer_ns = att->op->node.ns,
		       });
	return netlink_commit(att->op->node.rtnl, err);
}

/* Finds the other end of a veth, which is to be the bridge's port, and notes its name;
 * index 0: it isn't on this node. */
static int gateway_port(struct attachment *att, const struct link *gateway,
			struct link *ret_port, struct cni_error *err)
{
	struct link port;
	int ret = link_get_by_index(att->op->node.rtnl, gateway->peer, &port, err);

	if (ret < 0)
		return ret;
	if (port.peer != gateway->index)
		port = (struct link){};
	snprintf(att->gateway_port, sizeof(att->gateway_port), "%s", port.name);
	*ret_port = port;
	return 0;
}

/* Is the gateway complete? It is up, which is the last step, and the bridge was not
 * deleted under it since. */
static int gateway_is_complete(struct attachment *att, const struct link *gateway,
			       bool *ret_complete, struct cni_error *err)
{
	struct link port = {.master = att->bridge_index};
	int ret = 0;

	if (gateway->up && is_veth(gateway))
		ret = gateway_port(att, gateway, &port, err);
	*ret_complete = gateway->up && accept_ra_is_off(gateway) &&
			port.master == att->bridge_index;
	return ret;
}

static bool is_own_port(const struct attachment *att, const struct link *port)
{
	char name[IF_NAMESIZE];

	identity_vlan_port(att->gateway_ifname, name);
	return port->index && strcmp(port->name, name) == 0;
}

/* Queues what a port lacks that has lost its bridge, or has no alias yet. */
static void queue_port(struct attachment *att, const struct link *port)
{
	char alias[LINK_ALIAS_MAX];
	struct veth_spec spec = {
		.host_name = port->name,
		.bridge = att->bridge_index,
		.alias = alias,
	};

	snprintf(alias, sizeof(alias), LINK_ALIAS_PREFIX "port of %s",
		 att->gateway_ifname);
	if (!port->master)
		queue_port_attach(att->op->node.rtnl, port->index, &spec);
	else
		queue_veth_port(att->op->node.rtnl, &spec);
}

/* Sets the port's VLAN, then sets the gateway up: that is the last step, and says that it
 * is complete. */
static int gateway_finish(struct attachment *att, const struct link *gateway,
			  struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	struct link port;
	int ret;

	if (is_veth(gateway)) {
		ret = gateway_port(att, gateway, &port, err);
		if (ret == 0 && port.master != att->bridge_index &&
		    (port.master || !is_own_port(att, &port)))
			return error_set(
				err, CNI_ERR_EXISTS, EEXIST,
				"vlan: %s is to be the VLAN's gateway, but its "
				"other end is no port of %s; remove or rename it",
				gateway->name, att->bridge);
		if (ret < 0)
			return ret;
		if (is_own_port(att, &port))
			queue_port(att, &port);
		vlan_queue_port(att, port.index, port.name, NULL);
		/* Nobody else gets the gateway's frames by its MAC address, as with that
		 * of the bridge itself. */
		if (is_own_port(att, &port))
			queue_fdb_replace(nl, port.index, port.name, &gateway->mac);
		ret = netlink_commit(nl, err);
		if (ret < 0)
			return ret;
	}
	queue_link_up(nl, gateway->index, gateway->name);
	return netlink_commit(nl, err);
}

/* Makes the gateway's interface if it is missing (@gateway has index 0, and is filled in
 * then), and what is missing of one that is there. Where it fails, an interface that it
 * made is deleted again. -EEXIST: something else has a name that it needs. The exclusive
 * lock is held. */
static int gateway_complete(struct attachment *att, struct link *gateway,
			    struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	bool make = !gateway->index;
	int ret = 0;

	if (make)
		ret = gateway_make(att, err);
	if (ret == -EEXIST) /* Then something else has the name. */
		return ret;
	if (ret == 0 && make)
		ret = link_get(nl, att->gateway_ifname, gateway, err);
	if (ret == 0 && !att->bridge_has_other_ports)
		ret = isolate_network_made(att, gateway->name, err);
	if (ret == 0)
		ret = accept_ra_off(gateway, err);
	if (ret == 0)
		ret = gateway_finish(att, gateway, err);
	if (ret == 0)
		report_done(att, "vlan: the gateway's interface %s", gateway->name);
	if (ret < 0 && make) {
		/* The kernel makes the pair before it makes it a port. */
		queue_link_del(nl, att->gateway_ifname);
		netlink_commit(nl, NULL);
	}
	return ret;
}

/* Can the interface serve as the gateway? This program and the reference make a veth,
 * people make a VLAN device. */
static int must_serve(const struct attachment *att, const struct link *link,
		      struct cni_error *err)
{
	if (!link->index || is_veth(link) ||
	    (link_is(link, "vlan") && link->peer == att->bridge_index))
		return 0;
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "vlan: %s is to be the VLAN's gateway, but an interface of kind "
			 "\"%s\" has that name; remove or rename it",
			 link->name, link->kind);
}

bool vlan_is_of_bridge(const char *bridge, const struct link *link)
{
	size_t len = strlen(bridge);

	return strncmp(link->name, bridge, len) == 0 &&
	       (link->name[len] == '\0' || link->name[len] == '.');
}

static void facts_fill(struct attachment *att, const struct link *link)
{
	struct mac_addr own;

	att->gateway_index = link->index;
	att->gateway_ipv6 = link->ipv6.accept_ra >= 0;
	att->gateway_idle = !link->carrier || !link->operational;
	att->gateway_forwards = link->ipv4.forwarding != 0;
	att->gateway_localnet = link->ipv4.route_localnet;
	att->gateway_mac = link->mac;
	own = gateway_mac(att);
	att->gateway_is_own = att->gateway_is_own && is_veth(link) &&
			      memcmp(own.bytes, link->mac.bytes, MAC_LEN) == 0;
}

int vlan_gateway_ensure(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	bool complete = false;
	struct link link;
	int ret;

	network_gateway_ifname(att->network, att->gateway_ifname);
	ret = link_get(nl, att->gateway_ifname, &link, err);
	if (ret == 0)
		ret = must_serve(att, &link, err);
	if (ret == 0)
		ret = gateway_is_complete(att, &link, &complete, err);
	if (ret == 0 && !complete) {
		ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
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
	facts_fill(att, &link);
	return 0;
}

int vlan_gateway_find(struct attachment *att, struct cni_error *err)
{
	struct link link, port;
	int ret;

	network_gateway_ifname(att->network, att->gateway_ifname);
	ret = link_get(att->op->node.rtnl, att->gateway_ifname, &link, err);
	if (ret < 0)
		return ret;
	facts_fill(att, &link);
	return is_veth(&link) ? gateway_port(att, &link, &port, err) : 0;
}

int vlan_gateway_check(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	char name[2 * IF_NAMESIZE + 16];
	struct port_vlans vlans;
	struct link link, port;
	int ret;

	network_gateway_ifname(att->network, att->gateway_ifname);
	ret = link_get(nl, att->gateway_ifname, &link, err);
	if (ret < 0)
		return ret;
	if (!link.up)
		return error_set(err, CNI_ERR_CHECK, ENODEV,
				 "vlan: expected the gateway's interface %s up, found %s",
				 att->gateway_ifname, link.index ? "it down" : "none");
	facts_fill(att, &link);
	if (!is_veth(&link))
		return 0;

	ret = gateway_port(att, &link, &port, err);
	if (ret < 0)
		return ret;
	if (port.master != att->bridge_index)
		return error_set(err, CNI_ERR_CHECK, ENODEV,
				 "vlan: expected the other end of %s to be a port of %s, "
				 "found it is not",
				 link.name, att->bridge);
	ret = port_vlans_get(nl, port.index, &vlans, err);
	snprintf(name, sizeof(name), "%s, port of %s", port.name, link.name);
	return ret < 0 ? ret : vlan_native_check(name, att->network->vlan, &vlans, err);
}
