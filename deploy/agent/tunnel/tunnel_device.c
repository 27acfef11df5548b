/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses are compared with the kernel's, parameters are written where they differ. */
#include "tunnel_device.h"

#include <errno.h>

#include "plugin/netlink/addr.h"
#include "plugin/netlink/link.h"
#include "plugin/node/sysctl.h"
#include "device_names.h"

/* Packets from pods of other nodes may come while the route back still leads elsewhere,
 * by the link. Strict mode would drop them. */
#define RP_FILTER_LOOSE 2

static int parameters_set(const char *name, const struct ip_addr addresses[IP_FAMILIES],
			  struct cni_error *err)
{
	int ret = 0;

	if (addresses[1].family)
		ret = sysctl_enable_ipv6(name, err);
	if (ret == 0)
		ret = sysctl_ensure(RP_FILTER_LOOSE, err, "ipv4/conf/%s/rp_filter", name);
	return ret < 0 ? ret : 0;
}

/* Returns how many addresses differed. */
static int mend_addresses(struct netlink *nl, const char *name, unsigned int index,
			  const struct ip_addr *addr, int family, struct cni_error *err)
{
	_cleanup_(addr_list_clear) struct addr_list list = {};
	struct ip_prefix wanted = {*addr, ip_bits(family)};
	int differed = 0;
	int ret = addr_list_get(nl, index, family, &list, err);

	if (ret < 0)
		return ret;
	/* A kernel without IPv6 lists IPv4 addresses, too. */
	for (size_t i = 0; i < list.n; i++)
		if (list.items[i].addr.family == family &&
		    !(addr->family && prefix_equal(&list.items[i], &wanted)) &&
		    ++differed)
			queue_addr_del(nl, index, name, &list.items[i]);
	if (addr->family && !addr_list_has(&list, &wanted) && ++differed)
		queue_addr_add_alone(nl, index, name, addr);
	ret = netlink_commit(nl, err);
	return ret < 0 ? ret : differed;
}

int tunnel_device_addresses(struct netlink *nl, const char *name, unsigned int index,
			    const struct ip_addr addresses[IP_FAMILIES],
			    struct cni_error *err)
{
	int differed = 0, ret = 0;

	for (int i = 0; ret >= 0 && i < IP_FAMILIES; i++) {
		ret = mend_addresses(nl, name, index, &addresses[i], ip_families[i], err);
		differed += ret > 0 ? ret : 0;
	}
	return ret < 0 ? ret : differed;
}

/* The parameters of IPv6 are there once the MTU is right. */
int tunnel_device_start(struct netlink *nl, const struct link_known *link, bool up,
			const struct ip_addr addresses[IP_FAMILIES],
			struct cni_error *err)
{
	struct cni_error refused = {};
	int ret = parameters_set(link->name, addresses, err);

	if (ret < 0 || up)
		return ret;
	queue_link_up(nl, link->index, link->name);
	ret = netlink_commit(nl, &refused);
	if (ret == -EADDRINUSE)
		return TUNNEL_DEVICE_PORT_TAKEN;
	if (ret < 0)
		error_copy(err, &refused);
	return ret < 0 ? ret : TUNNEL_DEVICE_STARTED;
}

int tunnel_device_refuse(const char *name, const char *kind, struct cni_error *err)
{
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "the interface %s is no %s device, and so not the "
			 "agent's: rename or delete it",
			 name, kind);
}

int tunnel_device_remove(struct netlink *nl, const char *name, const char *kind,
			 struct cni_error *err)
{
	struct link link = {};
	int ret = link_get(nl, name, &link, err);

	if (ret < 0 || !link.index || !link_is(&link, kind))
		return ret;
	queue_link_del_known(nl, &(struct link_known){link.index, name});
	ret = netlink_commit(nl, err);
	/* Somebody else has removed it meanwhile. */
	if (ret == -ENODEV)
		return error_clear(err);
	return ret < 0 ? ret : TUNNEL_DEVICE_REMOVED;
}

static void queue_stop(struct netlink *nl, const struct link *link, const char *kind)
{
	if (link->index && link->up && link_is(link, kind))
		queue_link_down(nl, link->index, link->name);
}

int tunnel_devices_stop(struct netlink *nl, struct cni_error *err)
{
	struct link vxlan[IP_FAMILIES] = {}, wireguard[WIREGUARD_SLOTS] = {};
	int ret = 0;

	for (int i = 0; ret == 0 && i < IP_FAMILIES; i++)
		ret = link_get(nl, vxlan_device_names[i], &vxlan[i], err);
	for (int i = 0; ret == 0 && i < WIREGUARD_SLOTS; i++)
		ret = link_get(nl, wireguard_device_names[i], &wireguard[i], err);
	if (ret < 0)
		return ret;
	for (int i = 0; i < IP_FAMILIES; i++)
		queue_stop(nl, &vxlan[i], "vxlan");
	for (int i = 0; i < WIREGUARD_SLOTS; i++)
		queue_stop(nl, &wireguard[i], "wireguard");
	return netlink_commit(nl, err);
}
