/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vlan, vlanTrunk: puts the attachment's port into VLANs, which go with the port. The
 * VLAN's gateway, with isGateway, is vlan_gateway.c's, and its rules vlan_untracked.c's.
 */
#include <errno.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "stages.h"
#include "vlan.h"
#include "vlan_untracked.h"

void vlan_queue_port(const struct attachment *att, unsigned int port, const char *name,
		     const struct vlan_trunk_list *tagged)
{
	uint16_t native = network_native_vlan(att->network);
	uint16_t by_default = att->bridge_default_vlan;
	struct netlink *nl = att->op->node.rtnl;

	if (!att->network->preserve_default_vlan && by_default && by_default != native)
		queue_port_vlan_del(nl, port, name, by_default);
	for (size_t i = 0; tagged && i < tagged->n; i++) {
		const struct vlan_trunk *trunk = &tagged->items[i];

		if (trunk->id)
			queue_port_trunk_vlans(nl, port, name, trunk->id, trunk->id);
		if (trunk->min_id)
			queue_port_trunk_vlans(nl, port, name, trunk->min_id,
					       trunk->max_id);
	}
	/* The native VLAN comes after the ranges, which would make it a tagged one. */
	queue_port_native_vlan(nl, port, name, native);
}

/* Has the VLAN a gateway? Its addresses come from an IPAM only. */
static bool wants_gateway(const struct network *network)
{
	return network->vlan && network->is_gateway && network->ipam.type &&
	       *network->ipam.type;
}

static int gateway_ensure(struct attachment *att, struct cni_error *err)
{
	int ret = vlan_gateway_ensure(att, err);

	return ret < 0 ? ret : vlan_untracked_ensure(att, err);
}

static int vlan_add(struct attachment *att, struct cni_error *err)
{
	const struct network *network = att->network;
	struct netlink *nl = att->op->node.rtnl;
	int ret;

	if (!network_native_vlan(network))
		return 0;
	vlan_queue_port(att, netlink_ifindex_quick(nl, att->pod->host_ifname),
			att->pod->host_ifname, &network->vlan_trunk);
	ret = netlink_commit(nl, err);
	return ret < 0 || !wants_gateway(network) ? ret : gateway_ensure(att, err);
}

int vlan_native_check(const char *port, uint16_t vlan, const struct port_vlans *vlans,
		      struct cni_error *err)
{
	if (vlans->pvid != vlan)
		return error_set(err, CNI_ERR_CHECK, EINVAL,
				 "%s: expected untagged frames to be of VLAN %u, found "
				 "PVID %u",
				 port, vlan, vlans->pvid);
	if (!vlans->untagged[vlan])
		return error_set(
			err, CNI_ERR_CHECK, EINVAL,
			"%s: expected frames of VLAN %u to leave untagged, found "
			"them tagged",
			port, vlan);
	return 0;
}

static int trunk_check(const struct attachment *att, const struct port_vlans *vlans,
		       struct cni_error *err)
{
	for (size_t i = 0; i < att->network->vlan_trunk.n; i++) {
		const struct vlan_trunk *trunk = &att->network->vlan_trunk.items[i];
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
				att->pod->host_ifname, vlan);
	}
	return 0;
}

static bool asks_for(const struct network *network, uint32_t vlan)
{
	for (size_t i = 0; i < network->vlan_trunk.n; i++) {
		const struct vlan_trunk *trunk = &network->vlan_trunk.items[i];

		if (vlan == trunk->id || (vlan >= trunk->min_id && vlan <= trunk->max_id))
			return true;
	}
	return vlan == network_native_vlan(network);
}

/* Is the port in the bridge's default VLAN where preserveDefaultVlan is false? Then it
 * would get frames of another VLAN. */
static int default_vlan_check(const struct attachment *att,
			      const struct port_vlans *vlans, struct cni_error *err)
{
	uint16_t vlan = att->bridge_default_vlan;

	if (att->network->preserve_default_vlan || !vlans->member[vlan] ||
	    asks_for(att->network, vlan))
		return 0;
	return error_set(err, CNI_ERR_CHECK, EINVAL,
			 "%s: expected it not to be in the default VLAN %u "
			 "(preserveDefaultVlan is false), found it there",
			 att->pod->host_ifname, vlan);
}

/*
 * Did the reference make the port, or a version of this program whose preserveDefaultVlan
 * was true by default, and whose trunks had no native VLAN of their own? Its record, if
 * there is one, names no native VLAN.
 */
static bool is_of_another_version(struct attachment *att)
{
	_cleanup_(record_clear) struct record own = {};
	int ret;

	if (att->record)
		return !att->record->native_vlan;
	ret = ipam_record_read(&att->ipam_env, att->pod, &own, NULL);
	return ret == IPAM_NO_RECORD || (ret == 0 && !own.native_vlan);
}

static int port_check(struct attachment *att, struct cni_error *err)
{
	const struct network *network = att->network;
	const char *port = att->pod->host_ifname;
	struct port_vlans vlans;
	int ret = port_vlans_get(att->op->node.rtnl, att->host_index, &vlans, err);

	if (ret == 0 && network->vlan)
		ret = vlan_native_check(port, network->vlan, &vlans, err);
	if (ret == 0)
		ret = trunk_check(att, &vlans, err);
	if (ret < 0)
		return ret;

	if (!network->vlan)
		ret = vlan_native_check(port, network_native_vlan(network), &vlans, err);
	if (ret == 0)
		ret = default_vlan_check(att, &vlans, err);
	return ret < 0 && is_of_another_version(att) ? error_clear(err) : ret;
}

static int vlan_check(struct attachment *att, struct cni_error *err)
{
	const struct network *network = att->network;
	int ret;

	if (!network_native_vlan(network))
		return 0;
	ret = port_check(att, err);
	if (ret == 0 && wants_gateway(network))
		ret = vlan_gateway_check(att, err);
	return ret < 0 || !wants_gateway(network) ? ret : vlan_untracked_check(att, err);
}

static int vlan_repair(struct attachment *att, struct cni_error *err)
{
	struct cni_error difference = {};
	const struct network *network = att->network;
	struct netlink *nl = att->op->node.rtnl;
	int ret;

	if (!att->host_index || !network_native_vlan(network))
		return 0;
	ret = port_check(att, &difference);
	if (ret < 0 && difference.code != CNI_ERR_CHECK) {
		error_copy(err, &difference);
		return ret;
	}
	if (ret < 0) {
		vlan_queue_port(att, att->host_index, att->pod->host_ifname,
				&network->vlan_trunk);
		ret = netlink_commit(nl, err);
		if (ret == 0)
			report_done(att, "%s: its VLANs", att->pod->host_ifname);
	}
	return ret < 0 || !wants_gateway(network) ? ret : gateway_ensure(att, err);
}

static void vlan_interfaces(const struct attachment *att, struct stage_interfaces *list)
{
	if (att->gateway_mac.set)
		stage_interfaces_add(list, att->gateway_ifname, &att->gateway_mac,
				     att->mtu, NULL);
}

static int vlan_show_shared(struct attachment *net, struct stage_facts *facts,
			    struct cni_error *err)
{
	int ret;

	if (!facts->pods.any || !wants_gateway(net->network))
		return 0;
	ret = vlan_gateway_find(net, err);
	return ret < 0 ? ret : vlan_untracked_show(net, facts, err);
}

const struct stage stage_vlan = {
	.name = "vlan",
	.switches = SWITCH_BIT(SWITCH_BRIDGE),
	.add = vlan_add,
	.check = vlan_check,
	.repair = vlan_repair,
	.show_shared = vlan_show_shared,
	.interfaces = vlan_interfaces,
};
