/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device is compared with what is wanted each time, and only differences are sent to
 * the kernel: nothing that crosses a right device is disturbed. */
#include "vxlan_device.h"

#include <errno.h>

#include "plugin/netlink/link.h"
#include "tunnel_device.h"
#include "vxlan_rival.h"

/* Tells whether the device can be put right without being made anew. */
static bool is_usable(const struct vxlan_link *link, const struct vxlan_spec *spec)
{
	return link->vni == spec->vni && link->port == spec->port && link->plain &&
	       ip_equal(&link->local, &spec->local);
}

static int make(struct netlink *nl, const struct vxlan_spec *spec,
		struct vxlan_link *ret_link, struct cni_error *err)
{
	struct cni_error refused = {};
	int ret;

	queue_vxlan_add(nl, spec);
	ret = netlink_commit(nl, &refused);
	if (ret == -EEXIST)
		return vxlan_vni_taken(nl, spec, err);
	if (ret < 0) {
		error_copy(err, &refused);
		return ret;
	}
	ret = vxlan_link_get(nl, spec->name, ret_link, err);
	if (ret == 0 && !ret_link->is_vxlan)
		ret = error_set(err, CNI_ERR_KERNEL, ENODEV,
				"%s has gone while it was being made", spec->name);
	return ret;
}

/* Returns how many properties differed. */
static int mend_link(struct netlink *nl, const struct vxlan_spec *spec,
		     const struct vxlan_link *link, struct cni_error *err)
{
	int differed = 0, ret;

	if (!link->no_link_local && ++differed)
		queue_link_no_link_local(nl, link->index, spec->name);
	if (!mac_equal(&link->mac, &spec->mac) && ++differed)
		queue_link_mac(nl, link->index, spec->name, &spec->mac);
	if (link->mtu != spec->mtu && ++differed)
		queue_link_mtu(nl, link->index, spec->name, spec->mtu);
	ret = netlink_commit(nl, err);
	return ret < 0 ? ret : differed;
}

/* Returns how much differed. */
static int mend(struct netlink *nl, const struct vxlan_spec *spec,
		const struct vxlan_link *link, struct cni_error *err)
{
	const struct link_known known = {link->index, spec->name};
	int differed = mend_link(nl, spec, link, err), ret;

	if (differed < 0)
		return differed;
	ret = tunnel_device_start(nl, &known, link->up, spec->addresses, err);
	if (ret == TUNNEL_DEVICE_PORT_TAKEN)
		return vxlan_port_taken(nl, spec, err);
	differed += ret == TUNNEL_DEVICE_STARTED;
	if (ret >= 0)
		ret = tunnel_device_addresses(nl, spec->name, link->index,
					      spec->addresses, err);
	return ret < 0 ? ret : differed + ret;
}

int vxlan_device_keep(struct netlink *nl, const struct vxlan_spec *spec,
		      unsigned int *ret_index, struct cni_error *err)
{
	struct vxlan_link link;
	bool made = false;
	int ret = vxlan_link_get(nl, spec->name, &link, err);

	if (ret < 0)
		return ret;
	if (link.index && !link.is_vxlan)
		return tunnel_device_refuse(spec->name, "VXLAN", err);
	if (link.index && !is_usable(&link, spec)) {
		queue_link_del_known(nl, &(struct link_known){link.index, spec->name});
		ret = netlink_commit(nl, err);
		link.index = 0;
	}
	if (ret == 0 && !link.index) {
		made = true;
		ret = make(nl, spec, &link, err);
	}
	if (ret == 0)
		ret = mend(nl, spec, &link, err);
	if (ret < 0)
		return ret;
	*ret_index = link.index;
	if (made)
		return VXLAN_DEVICE_MADE;
	return ret ? VXLAN_DEVICE_CHANGED : VXLAN_DEVICE_RIGHT;
}
