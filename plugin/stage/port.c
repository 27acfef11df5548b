/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens the port of a pod that is checked for spoofing once its elements are there, and
 * closes it before they go. Setting it down, unlike the port's state of spanning tree,
 * holds whatever the pod does to its end meanwhile. With another IPAM plugin spoofcheck.c
 * does both, because that plugin needs the port.
 *
 * The bridge has a fixed entry for the MAC address of such a pod, and for that of a pod
 * with quietBridge, whose port gets no frames for addresses that the bridge doesn't know.
 * The entry names no VLAN: the kernel makes one for each VLAN of the port, which vlan.c
 * has set, and one without, so that filtering may be turned on later.
 */
#include "port.h"

#include <errno.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/fdb.h"
#include "plugin/netlink/link.h"
#include "groups.h"
#include "neighbours.h"
#include "port_opens.h"
#include "stages.h"

/* Code 103: the pod asks for an address that another port, or the bridge, has for
 * good. */
static int refuse(struct attachment *att, const struct fdb_entry *entry,
		  struct cni_error *err)
{
	struct link holder;
	int ret = link_get_by_index(att->op->node.rtnl, entry->index, &holder, err);

	return ret < 0 ? ret
		       : error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
				   "the pod's MAC address is to be %s, but that is an "
				   "address of %s on bridge %s; give the pod another one",
				   MAC_TEXT(&att->container_mac),
				   holder.index ? holder.name : "another port",
				   att->bridge);
}

/*
 * The bridge has an entry of the pod's MAC address. One that it has learned, from
 * wherever a frame of this address came, gives way. But the bridge's own, by which all
 * pods reach the node, and the fixed one of another pod are not to be had by asking for
 * their address. Pods of two VLANs may have the same one.
 */
static int entry_take(struct attachment *att, unsigned int index, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	uint16_t vlan = network_native_vlan(att->network);
	struct fdb_entry entry;
	int ret = fdb_find(nl, index, &att->container_mac, 0, &entry, err);

	if (ret == 0 && vlan && !entry.own)
		ret = fdb_find(nl, index, &att->container_mac, vlan, &entry, err);
	if (ret < 0)
		return ret;
	if (entry.stays && entry.index != index)
		return refuse(att, &entry, err);
	queue_fdb_replace(nl, index, att->pod->host_ifname, &att->container_mac);
	/* Their refusal would not have been told. */
	neighbours_queue(att);
	return netlink_commit(nl, err);
}

int port_open(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	const char *name = att->pod->host_ifname;
	unsigned int index = netlink_ifindex_quick(nl, name);
	struct cni_error own = {};
	int ret;

	queue_fdb_add(nl, index, name, &att->container_mac);
	if (att->pod->mac_spoof_check) /* the port of another pod is up from the start */
		queue_link_up(nl, index, name);
	neighbours_queue(att);
	/* These come last, as of several refusals only the first is told, and the bridge may
	 * have no room for these. */
	groups_queue(att, index);
	ret = netlink_commit(nl, &own);
	if (ret == -E2BIG)
		ret = groups_full(att, &own);
	if (ret == -EEXIST) {
		error_clear(&own);
		ret = entry_take(att, index, &own);
	}
	if (ret == 0)
		return 0;
	error_copy(err, &own);
	/* The kernel may have set it up nevertheless. */
	netlink_discard(nl);
	(void)port_close(att, NULL);
	return ret;
}

int port_close(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	const char *name = att->pod->host_ifname;
	unsigned int index = netlink_ifindex(nl, name);
	int ret;

	if (!index)
		return 0;
	queue_link_down(nl, index, name);
	ret = netlink_commit(nl, err);
	return ret == -ENODEV ? error_clear(err) : ret;
}

static int port_add(struct attachment *att, struct cni_error *err)
{
	return port_opens(att) ? port_open(att, err) : 0;
}

static int port_del(struct attachment *att, struct cni_error *err)
{
	return att->record && att->record->spoof_check && !ipam_delegated(att->network)
		       ? port_close(att, err)
		       : 0;
}

/* Says which of the things that port_open() and veth.c give the port it lacks; NULL:
 * none. */
static const char *lack_of(const struct attachment *att, const struct link *port,
			   const struct fdb_entry *entry)
{
	if (!entry->fixed || entry->index != port->index)
		return "a fixed entry of the bridge for the pod's MAC address";
	if (port->port.learning)
		return "learning off";
	if (att->pod->mac_spoof_check && !port->port.guard)
		return "its guard against frames of spanning tree on";
	if (att->quiet && port->port.flood)
		return "flooding of unknown addresses off";
	if (att->quiet && port->port.proxy_arp == port->port.isolated)
		return port->port.isolated ? "proxy_arp_wifi off" : "proxy_arp_wifi on";
	return NULL;
}

/* @ret_lacks: the first thing that the port lacks; NULL: nothing. */
static int lack_find(struct attachment *att, const struct mac_addr *mac,
		     struct link *ret_port, const char **ret_lacks, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	uint16_t vlan = network_native_vlan(att->network);
	struct fdb_entry entry;
	int ret = link_get(nl, att->pod->host_ifname, ret_port, err);

	*ret_lacks = NULL;
	if (ret < 0 || !ret_port->index)
		return ret;
	ret = fdb_find(nl, ret_port->index, mac, vlan, &entry, err);
	if (ret == 0)
		*ret_lacks = lack_of(att, ret_port, &entry);
	return ret;
}

static const char *key_of(const struct pod *pod)
{
	return pod->spoof_check	      ? "spoofCheck"
	       : pod->mac_spoof_check ? "macspoofchk"
				      : "quietBridge";
}

static int port_check(struct attachment *att, struct cni_error *err)
{
	const char *lacks;
	struct link port;
	int ret;

	if (!att->pod->mac_spoof_check && !att->quiet)
		return 0;
	ret = lack_find(att, &att->container_mac, &port, &lacks, err);
	if (ret < 0 || !lacks)
		return ret;
	return error_set(err, CNI_ERR_CHECK, EINVAL,
			 "%s: expected the port to have, for %s, %s; `bridge-cni repair` "
			 "puts it right",
			 port.name, key_of(att->pod), lacks);
}

static int port_repair(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	const char *lacks;
	struct link port;
	int ret;

	if (!att->record->spoof_check && !att->quiet)
		return 0;
	ret = lack_find(att, &att->record->mac, &port, &lacks, err);
	if (ret < 0 || !port.index || !lacks)
		return ret;
	queue_fdb_replace(nl, port.index, port.name, &att->record->mac);
	queue_veth_port(nl, &(struct veth_spec){
				    .host_name = port.name,
				    .hairpin = port.port.hairpin,
				    .isolated = port.port.isolated,
				    .guarded = att->record->spoof_check,
				    .quiet = att->quiet,
			    });
	ret = netlink_commit(nl, err);
	if (ret == 0)
		report_done(att, "port: %s has %s again", port.name, lacks);
	return ret;
}

const struct stage stage_port = {
	.name = "port",
	.switches = SWITCH_BIT(SWITCH_BRIDGE),
	.add = port_add,
	.check = port_check,
	.del = port_del,
	.repair = port_repair,
};
