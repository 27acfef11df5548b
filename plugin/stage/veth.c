/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the veth pair. The host's end, whose name follows from the identity, is a port of
 * the bridge, or becomes one later (port_is_foreign). The other end, with the name that the
 * runtime asked for, is in the pod.
 */
#include <errno.h>
#include <linux/ipv6.h>
#include <stdio.h>
#include <string.h>

#include "plugin/attachment/report.h"
#include "plugin/netlink/link.h"
#include "pod_end.h"
#include "stages.h"

/* Sets the error of a host's end that is there already, by an earlier ADD or by
 * chance. */
static int host_end_exists(const struct attachment *att, struct cni_error *err)
{
	const struct pod *pod = att->pod;
	struct link host;
	int ret = link_get(att->op->node.rtnl, att->pod->host_ifname, &host, err);

	if (ret < 0)
		return ret;
	if (identity_alias_is_anothers(host.alias, att->network->name, pod->container_id,
				       pod->ifname))
		return error_set(
			err, CNI_ERR_EXISTS, EEXIST,
			"the interface on the node would be %s, a hash of container %s, "
			"its interface %s and network %s; but so is that of \"%s\" by "
			"chance: the container needs another ID",
			att->pod->host_ifname, pod->container_id, pod->ifname,
			att->network->name, host.alias);
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "container %s has interface %s on network %s already (%s on "
			 "the node); DEL it first",
			 pod->container_id, pod->ifname, att->network->name,
			 att->pod->host_ifname);
}

/* An interface of either name is somebody's, also if an earlier ADD made it, and is not
 * touched. */
static int veth_names(struct attachment *att, struct cni_error *err)
{
	if (netlink_ifindex(att->op->node.rtnl, att->pod->host_ifname))
		return host_end_exists(att, err);
	return pod_end_name_check(att, err);
}

/* Says which of the two names exists; the kernel says only that one does. */
static int explain(struct attachment *att, int ret, struct cni_error *err)
{
	if (ret == -EEXIST && netlink_ifindex(att->pod_ns.rtnl, att->pod->ifname)) {
		error_clear(err);
		return pod_end_name_taken(att, err);
	}
	if (ret == -EXFULL)
		error_wrap(err, "bridge %s is full (a Linux bridge has at most %d ports)",
			   att->bridge, BRIDGE_PORTS_MAX);
	return ret;
}

/* Reads the bridge's MTU again: a bridge takes that of its smallest port, unless somebody
 * has set its own. */
static int bridge_mtu_reread(struct attachment *att, struct cni_error *err)
{
	struct link bridge;
	int ret;

	if (att->mtu >= att->bridge_mtu || att->network->version < CNI_1_1_0)
		return 0;
	ret = link_get_by_index(att->op->node.rtnl, att->bridge_index, &bridge, err);
	if (ret == 0 && bridge.index)
		att->bridge_mtu = bridge.mtu;
	if (ret < 0)
		links_delete(att, NULL);
	return ret;
}

/* Frames don't pass between isolated ports. Everything between routed pods goes through
 * the node. */
static bool wants_isolation(const struct attachment *att)
{
	return att->network->port_isolation || att->routed;
}

static int make(struct attachment *att, struct cni_error *err)
{
	const struct network *network = att->network;
	struct netlink *nl = att->op->node.rtnl;
	char alias[LINK_ALIAS_MAX];
	struct veth_spec spec = {
		.host_name = att->pod->host_ifname,
		.peer_name = att->pod->ifname,
		.host_mac = att->host_mac,
		.peer_mac = att->container_mac,
		.mtu = att->mtu,
		.bridge = att->bridge_index,
		.is_foreign = att->port_is_foreign,
		.peer_ns = att->pod_ns.fd,
		.alias = alias,
		.hairpin = pod_wants_hairpin(att->network, att->pod),
		.isolated = wants_isolation(att),
		.guarded = att->pod->mac_spoof_check,
		.quiet = att->quiet,
		.down = att->pod->mac_spoof_check, /* port.c sets it up */
		.no_link_local = att->bridge_ipv6 && att->mtu >= IPV6_MIN_MTU,
	};
	int ret;

	identity_alias(network->name, att->pod->container_id, att->pod->ifname, alias);
	queue_veth_add(nl, &spec);
	ret = netlink_commit(nl, err);
	if (ret < 0)
		return ret;
	queue_veth_port(nl, &spec);
	return netlink_commit(nl, err);
}

static int veth_add(struct attachment *att, struct cni_error *err)
{
	const struct network *network = att->network;
	int ret;

	att->host_mac = identity_host_mac(network->owner, att->pod->container_id,
					  att->pod->ifname);
	att->container_mac = pod_end_mac(att);
	att->mtu = network->mtu ? network->mtu : att->bridge_mtu;
	ret = make(att, err);
	/* The kernel makes the pair before it makes one end a port. */
	if (ret < 0 && ret != -EEXIST)
		links_delete(att, NULL);
	if (ret < 0)
		return explain(att, ret, err);

	att->container_index = netlink_ifindex_quick(att->pod_ns.rtnl, att->pod->ifname);
	return bridge_mtu_reread(att, err);
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

/* Gives the MTU that ADD gave the host's end; no later plugin of a chain has a reason to
 * change it. 0: it is not known. */
static uint32_t expected_mtu(const struct attachment *att, const struct link *port)
{
	const struct interface *prev = prev_interface(att, port->name, NULL);

	return att->network->mtu || !prev ? att->network->mtu : prev->mtu;
}

/* @mtu 0: any is right. */
static int mtu_check(const struct link *port, uint32_t mtu, struct cni_error *err)
{
	char expected[16], found[16];

	if (!mtu || port->mtu == mtu)
		return 0;
	snprintf(expected, sizeof(expected), "%u", mtu);
	snprintf(found, sizeof(found), "%u", port->mtu);
	return link_differs(err, port->name, "the MTU", expected, found);
}

static int port_check(const struct attachment *att, const struct link *port,
		      struct cni_error *err)
{
	uint32_t mtu = expected_mtu(att, port);

	if (att->port_is_foreign)
		return mtu_check(port, mtu, err);
	if (port->port.hairpin != pod_wants_hairpin(att->network, att->pod))
		return link_differs(err, port->name, "hairpin mode",
				    on_off(pod_wants_hairpin(att->network, att->pod)),
				    on_off(port->port.hairpin));
	if (port->port.isolated != wants_isolation(att))
		return link_differs(err, port->name, "port isolation",
				    on_off(wants_isolation(att)),
				    on_off(port->port.isolated));
	return mtu_check(port, mtu, err);
}

static int master_differs(struct attachment *att, const struct link *port,
			  struct cni_error *err)
{
	struct link master = {};
	int ret = 0;

	if (port->master)
		ret = link_get_by_index(att->op->node.rtnl, port->master, &master, err);
	if (ret < 0)
		return ret;
	return error_set(
		err, CNI_ERR_CHECK, EINVAL,
		"%s: expected it to be a port of bridge %s, found it a port of %s",
		port->name, att->bridge, master.index ? master.name : "none");
}

/*
 * Finds the host's end by the pod's end, not by its name: the reference plugin gives it a
 * random one.
 */
static int veth_check(struct attachment *att, struct cni_error *err)
{
	struct link inside, outside;
	int ret;

	ret = pod_end_check(att, "veth", &inside, err);
	if (ret == 0)
		ret = link_get_by_index(att->op->node.rtnl, inside.peer, &outside, err);
	if (ret < 0)
		return ret;
	if (!outside.index || !link_is(&outside, "veth") || outside.peer != inside.index)
		return error_set(err, CNI_ERR_CHECK, ENODEV,
				 "%s: expected its other end on the node, found none",
				 att->pod->ifname);
	if (!att->port_is_foreign && outside.master != att->bridge_index)
		return master_differs(att, &outside, err);
	if (!outside.up)
		return link_differs(err, outside.name, "it", "up", "it down");
	att->host_index = outside.index;
	ret = port_check(att, &outside, err);
	return ret < 0 ? ret : prev_mac_check(att, &outside, NULL, err);
}

static int veth_links(struct attachment *att, struct stage_links *links,
		      struct cni_error *err)
{
	struct link host;
	int ret = link_get(att->op->node.rtnl, att->pod->host_ifname, &host, err);

	if (ret < 0)
		return ret;
	/* Where another attachment has the name, this one's ADD was refused. */
	links->are_anothers = identity_alias_is_anothers(
		host.alias, att->network->name, att->pod->container_id, att->pod->ifname);
	if (!links->are_anothers) {
		att->had_own_veth = host.index != 0;
		stage_links_add(links, host.index, att->pod->host_ifname);
	}
	return 0;
}

static void veth_interfaces(const struct attachment *att, struct stage_interfaces *list)
{
	stage_interfaces_add(list, att->pod->host_ifname, &att->host_mac, att->mtu, NULL);
	stage_interfaces_add(list, att->pod->ifname, &att->container_mac, att->mtu,
			     att->pod->netns);
}

static int up_repair(struct attachment *att, const struct link *port,
		     struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	int ret;

	queue_link_up(nl, port->index, port->name);
	ret = netlink_commit(nl, err);
	if (ret == 0)
		report_done(att, "%s: up", port->name);
	return ret;
}

/* Makes the port as ADD made it. The pod's end is left to the pod. */
static int veth_repair(struct attachment *att, struct cni_error *err)
{
	const struct network *network = att->network;
	struct netlink *nl = att->op->node.rtnl;
	struct link port;
	int ret = link_get(nl, att->pod->host_ifname, &port, err);

	/* The interface is gone by now, by a DEL or by the end of the pod's namespace. */
	if (ret < 0 || !port.index)
		return ret;
	att->host_index = port.index;
	att->mtu = port.mtu;
	if (att->port_is_foreign)
		return port.up ? 0 : up_repair(att, &port, err);
	if (port.master == att->bridge_index && port.up &&
	    port.port.hairpin == pod_wants_hairpin(att->network, att->pod) &&
	    port.port.isolated == wants_isolation(att))
		return 0;
	queue_port_attach(nl, port.index,
			  &(struct veth_spec){
				  .host_name = port.name,
				  .bridge = att->bridge_index,
				  .hairpin = pod_wants_hairpin(att->network, att->pod),
				  .isolated = wants_isolation(att),
				  .guarded = att->pod->mac_spoof_check,
				  .quiet = att->quiet,
			  });
	ret = netlink_commit(nl, err);
	if (ret == 0)
		report_done(att, "%s: a port of %s, up, and set as configured", port.name,
			    network->bridge);
	return ret;
}

const struct stage stage_veth = {
	.name = "veth",
	.switches = SWITCH_BIT(SWITCH_BRIDGE) | SWITCH_BIT(SWITCH_OVS),
	.add = veth_add,
	.check = veth_check,
	.repair = veth_repair,
	.names = veth_names,
	.links = veth_links,
	.interfaces = veth_interfaces,
};
