/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The veth pair: the host's end, named from the identity, a port of the bridge; the other
 * end, with the name the runtime asked for, in the pod. It belongs to the attachment, and
 * what the kernel remembers of the pod's connections ends with it.
 */
#include <errno.h>
#include <linux/ipv6.h>
#include <stdio.h>
#include <string.h>

#include "conntrack.h"
#include "plugin/netlink/wait_deleted.h"
#include "plugin/netlink/rtnetlink.h"
#include "plugin/attachment/report.h"
#include "stages.h"

#define BRIDGE_PORTS_MAX 1023 /* BR_MAX_PORTS less one, net/bridge/br_private.h */

static struct mac_addr container_mac(const struct attachment *att)
{
	if (att->pod->mac.set)
		return att->pod->mac;
	if (att->ipam.ips.n > 0)
		return identity_mac_of_ip(&att->ipam.ips.items[0].address.addr);
	return identity_container_mac(att->network->name, att->pod->container_id,
				      att->pod->ifname);
}

/* The kernel says only that some name or other exists: say which. */
static int explain(struct attachment *att, int ret, struct cni_error *err)
{
	const char *name = att->pod->ifname;

	if (ret == -EEXIST && netlink_ifindex(att->pod_ns.rtnl, name)) {
		error_clear(err);
		return error_set(err, CNI_ERR_EXISTS, EEXIST,
				 "CNI_IFNAME: an interface %s exists in %s already", name,
				 att->pod->netns);
	}
	if (ret == -EXFULL)
		error_wrap(err, "bridge %s is full (a Linux bridge has at most %d ports)",
			   att->bridge, BRIDGE_PORTS_MAX);
	return ret;
}

static int veth_del(struct attachment *att, struct cni_error *err);

/* A bridge takes the MTU of its smallest port, unless somebody has set its own. */
static int bridge_mtu_look_again(struct attachment *att, struct cni_error *err)
{
	struct link bridge;
	int ret;

	if (att->mtu >= att->bridge_mtu || att->network->version < CNI_1_1_0)
		return 0;
	ret = link_get_by_index(att->op->node.rtnl, att->bridge_index, &bridge, err);
	if (ret == 0 && bridge.index)
		att->bridge_mtu = bridge.mtu;
	if (ret < 0)
		veth_del(att, &(struct cni_error){});
	return ret;
}

static int make(struct attachment *att, struct cni_error *err)
{
	const struct network *conf = att->network;
	struct netlink *nl = att->op->node.rtnl;
	char alias[LINK_ALIAS_MAX];
	struct veth_spec spec = {
		.host_name = att->pod->host_ifname,
		.peer_name = att->pod->ifname,
		.host_mac = att->host_mac,
		.peer_mac = att->container_mac,
		.mtu = att->mtu,
		.bridge = att->bridge_index,
		.peer_ns = att->pod_ns.fd,
		.alias = alias,
		.hairpin = pod_wants_hairpin(att->network, att->pod),
		.isolated = conf->port_isolation,
		.no_link_local = att->bridge_ipv6 && att->mtu >= IPV6_MIN_MTU,
	};
	int ret;

	identity_alias(conf->name, att->pod->container_id, att->pod->ifname, alias);
	queue_veth_add(nl, &spec);
	ret = netlink_commit(nl, err);
	if (ret < 0)
		return ret;
	queue_veth_port(nl, &spec);
	return netlink_commit(nl, err);
}

/* The kernel makes the pair before it makes it a port. */
static _noinline_ void half_made_del(struct attachment *att)
{
	struct cni_error ignored = {};

	veth_del(att, &ignored);
}

static int veth_add(struct attachment *att, struct cni_error *err)
{
	const struct network *conf = att->network;
	int ret;

	att->host_mac = identity_host_mac(conf->owner, att->pod->container_id,
					  att->pod->ifname);
	att->container_mac = container_mac(att);
	att->mtu = conf->mtu ? conf->mtu : att->bridge_mtu;
	ret = make(att, err);
	if (ret < 0 && ret != -EEXIST)
		half_made_del(att);
	if (ret < 0)
		return explain(att, ret, err);

	att->container_index = netlink_ifindex(att->pod_ns.rtnl, att->pod->ifname);
	return bridge_mtu_look_again(att, err);
}

static int differs(struct cni_error *err, const char *ifname, const char *what,
		   const char *expected, const char *found)
{
	return error_set(err, CNI_ERR_CHECK, EINVAL, "%s: expected %s %s, found %s",
			 ifname, what, expected, found);
}

/* prevResult's entry for an interface of the pod (of the node: sandbox NULL). */
static const struct interface *prev_interface(const struct attachment *att,
					      const char *name, const char *sandbox)
{
	for (size_t i = 0; i < att->pod->prev_result.interfaces.n; i++) {
		const struct interface *item = &att->pod->prev_result.interfaces.items[i];
		const char *at = item->sandbox ? item->sandbox : "";

		if (item->name && strcmp(item->name, name) == 0 &&
		    strcmp(at, sandbox ? sandbox : "") == 0)
			return item;
	}
	return NULL;
}

/* prevResult has the MAC that the last plugin of the chain left (tuning may set it). */
static int mac_check(const struct attachment *att, const struct link *link,
		     const char *sandbox, struct cni_error *err)
{
	const struct interface *prev = prev_interface(att, link->name, sandbox);
	struct mac_addr expected;

	if (!prev || !prev->mac || !prev->mac[0] || mac_parse(prev->mac, &expected) < 0 ||
	    memcmp(expected.bytes, link->mac.bytes, MAC_LEN) == 0)
		return 0;
	return differs(err, link->name, "the MAC address", prev->mac,
		       MAC_TEXT(&link->mac));
}

static int container_end_check(struct attachment *att, struct link *link,
			       struct cni_error *err)
{
	const char *name = att->pod->ifname;
	int ret = link_get(att->pod_ns.rtnl, name, link, err);

	if (ret < 0)
		return ret;
	if (!link->index)
		return error_set(
			err, CNI_ERR_CHECK, ENODEV,
			"%s: expected the interface in %s, found none of that name", name,
			att->pod->netns);
	if (!link_is(link, "veth"))
		return differs(err, name, "an interface of kind", "veth", link->kind);
	if (!link->up && !att->network->disable_container_interface)
		return differs(err, name, "it", "up", "it down");
	att->container_index = link->index;
	att->container_mac = link->mac;
	return mac_check(att, link, att->pod->netns, err);
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

/* The MTU that ADD gave the host's end; no later plugin of a chain has a reason to change
 * that. 0: not told. */
static uint32_t expected_mtu(const struct attachment *att, const struct link *port)
{
	const struct interface *prev = prev_interface(att, port->name, NULL);

	return att->network->mtu || !prev ? att->network->mtu : prev->mtu;
}

static int port_check(const struct attachment *att, const struct link *port,
		      struct cni_error *err)
{
	const struct network *conf = att->network;
	uint32_t mtu = expected_mtu(att, port);
	char expected[16], found[16];

	if (port->port.hairpin != pod_wants_hairpin(att->network, att->pod))
		return differs(err, port->name, "hairpin mode",
			       on_off(pod_wants_hairpin(att->network, att->pod)),
			       on_off(port->port.hairpin));
	if (port->port.isolated != conf->port_isolation)
		return differs(err, port->name, "port isolation",
			       on_off(conf->port_isolation), on_off(port->port.isolated));
	if (!mtu || port->mtu == mtu)
		return 0;
	snprintf(expected, sizeof(expected), "%u", mtu);
	snprintf(found, sizeof(found), "%u", port->mtu);
	return differs(err, port->name, "the MTU", expected, found);
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
 * By the peer, not by name: a pod that the reference plugin made has a host end with a
 * random name.
 */
static int veth_check(struct attachment *att, struct cni_error *err)
{
	struct link inside, outside;
	int ret;

	ret = container_end_check(att, &inside, err);
	if (ret == 0)
		ret = link_get_by_index(att->op->node.rtnl, inside.peer, &outside, err);
	if (ret < 0)
		return ret;
	if (!outside.index || !link_is(&outside, "veth") || outside.peer != inside.index)
		return error_set(err, CNI_ERR_CHECK, ENODEV,
				 "%s: expected its other end on the node, found none",
				 att->pod->ifname);
	if (outside.master != att->bridge_index)
		return master_differs(att, &outside, err);
	if (!outside.up)
		return differs(err, outside.name, "it", "up", "it down");
	att->host_index = outside.index;
	ret = port_check(att, &outside, err);
	return ret < 0 ? ret : mac_check(att, &outside, NULL, err);
}

/*
 * Deletes a pod's interface that another plugin made (the reference names the host's end
 * at random), if it is what CNI_IFNAME of a pod on this bridge must be: a veth whose other
 * end is a port of the bridge.
 */
static int foreign_del(struct attachment *att, struct cni_error *err)
{
	struct node *node = &att->op->node;
	struct link inside, outside, bridge;
	int ret;

	if (!att->pod->netns[0] || att->record)
		return 0;
	/* Mostly it is gone. */
	if (attachment_open_pod(att, err) < 0)
		return error_clear(err);
	ret = link_get(att->pod_ns.rtnl, att->pod->ifname, &inside, err);
	if (ret < 0 || !inside.index || !link_is(&inside, "veth"))
		return ret;
	ret = link_get_by_index(node->rtnl, inside.peer, &outside, err);
	if (ret < 0 || !outside.index || outside.peer != inside.index || !outside.master)
		return ret;
	/* One of ours, by another ADD: of another container, or on another network. */
	if (strncmp(outside.alias, LINK_ALIAS_PREFIX, strlen(LINK_ALIAS_PREFIX)) == 0)
		return 0;
	ret = link_get_by_index(node->rtnl, outside.master, &bridge, err);
	if (ret < 0 || strcmp(bridge.name, att->bridge) != 0)
		return ret;
	/* By the pod's end: what is known of it was chosen in the pod, which so can only
	 * harm itself. */
	queue_link_del(att->pod_ns.rtnl, att->pod->ifname);
	ret = netlink_commit(att->pod_ns.rtnl, err);
	/* Another DEL of the same pod was quicker. */
	return ret == -ENODEV ? error_clear(err) : ret;
}

/* Group numbers of people's own are small. */
static uint32_t group_of(const struct attachment *att)
{
	return hash_text(att->pod->host_ifname) | 1u << 31;
}

static void connections_delete(void *data)
{
	conntrack_delete_pod(data);
}

/* The ifb of bandwidth.c goes at the same time. A failed ADD has made it only where
 * there is a rate for it. */
static int links_del(struct attachment *att, unsigned int veth_index,
		     struct cni_error *err)
{
	bool has_ifb = att->verb != CNI_ADD || att->pod->bandwidth.egress.rate;
	struct link_known veth = {veth_index, att->pod->host_ifname};
	struct netlink *nl = att->op->node.rtnl;
	char ifb_name[IF_NAMESIZE];
	struct link_known ifb = {.name = ifb_name};
	bool forget;

	identity_ifb(att->pod->host_ifname, ifb_name);
	ifb.index = has_ifb ? netlink_ifindex(nl, ifb_name) : 0;
	if (veth.index && ifb.index)
		queue_link_pair_del(nl, &veth, &ifb, group_of(att));
	else if (veth.index || ifb.index)
		queue_link_del_known(nl, veth.index ? &veth : &ifb);
	/* No rules lead to the pod any more. */
	forget = conntrack_prepare(att);
	if (att->need_not_wait)
		return netlink_commit_announced(
			nl, att->op->node.nftables,
			(const unsigned int[]){veth.index, ifb.index}, 2,
			forget ? connections_delete : NULL, att, err);
	if (forget)
		connections_delete(att);
	return netlink_commit(nl, err);
}

static int veth_del(struct attachment *att, struct cni_error *err)
{
	struct link host;
	int ret = link_get(att->op->node.rtnl, att->pod->host_ifname, &host, err);

	/* This one's ADD was refused for that. */
	if (ret < 0 ||
	    identity_alias_is_anothers(host.alias, att->network->name,
				       att->pod->container_id, att->pod->ifname))
		return ret;
	att->had_own_veth = host.index != 0;
	ret = links_del(att, host.index, err);
	if (ret == -ENODEV) /* it went with the pod's end meanwhile */
		ret = error_clear(err);
	if (ret == 0 && !att->had_own_veth && att->verb == CNI_DEL)
		ret = foreign_del(att, err);
	return ret;
}

/* The port as ADD made it; the pod's end is the pod's. */
static int veth_repair(struct attachment *att, struct cni_error *err)
{
	const struct network *conf = att->network;
	struct netlink *nl = att->op->node.rtnl;
	struct link port;
	int ret = link_get(nl, att->pod->host_ifname, &port, err);

	if (ret < 0 || !port.index) /* gone by now: its DEL or its pod's end */
		return ret;
	att->host_index = port.index;
	att->mtu = port.mtu;
	if (port.master == att->bridge_index && port.up &&
	    port.port.hairpin == pod_wants_hairpin(att->network, att->pod) &&
	    port.port.isolated == conf->port_isolation)
		return 0;
	queue_port_attach(nl, port.index,
			  &(struct veth_spec){
				  .host_name = port.name,
				  .bridge = att->bridge_index,
				  .hairpin = pod_wants_hairpin(att->network, att->pod),
				  .isolated = conf->port_isolation,
			  });
	ret = netlink_commit(nl, err);
	if (ret == 0)
		report_done(att, "%s: a port of %s, up, and set as configured", port.name,
			    conf->bridge);
	return ret;
}

const struct stage stage_veth = {
	.name = "veth",
	.add = veth_add,
	.check = veth_check,
	.del = veth_del,
	.repair = veth_repair,
};
