/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node's bridge: shared, so made complete step by step under the exclusive lock, and
 * never taken away by DEL.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "netlink_route.h"
#include "stages.h"
#include "sysctl.h"

/* Router advertisements of a pod must not give the node a route (CVE-2020-10749). */
static int accept_ra_off(const char *bridge, struct cni_error *err)
{
	int ret = sysctl_ensure(0, err, "ipv6/conf/%s/accept_ra", bridge);

	return ret == -ENOENT ? 0 : ret; /* a kernel without IPv6 */
}

/*
 * A bridge whose address nobody has set takes that of its lowest port, and changes it as
 * ports come and go. /sys tells (NET_ADDR_SET is 3, linux/netdevice.h); where it can't be
 * read, setting the present address once more does no harm.
 */
static bool mac_is_pinned(const char *bridge)
{
	_cleanup_(close_p) int fd = -1;
	char path[64 + IF_NAMESIZE], value = 0;

	snprintf(path, sizeof(path), "/sys/class/net/%s/addr_assign_type", bridge);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &value, 1) == 1 && value == '3';
}

static struct mac_addr random_mac(void)
{
	struct mac_addr mac = {.set = true};

	/* Not seeded yet, at boot: the kernel's default, then pinned like a found one. */
	if (getrandom(mac.bytes, MAC_LEN, GRND_NONBLOCK) != MAC_LEN)
		return (struct mac_addr){};
	mac.bytes[0] = (mac.bytes[0] & 0xfc) | 0x02; /* unicast, locally administered */
	return mac;
}

static int must_be_bridge(const struct link *link, struct cni_error *err)
{
	if (!link->index || strcmp(link->kind, "bridge") == 0)
		return 0;
	return error_set(
		err, CNI_ERR_EXISTS, EEXIST,
		"bridge: an interface %s exists and is no bridge but %s%s; remove "
		"it or give the bridge another name",
		link->name, link->kind[0] ? "of kind " : "a device", link->kind);
}

/* Nothing is left to do for this bridge. */
static bool is_complete(const struct link *link)
{
	return link->index && link->up && mac_is_pinned(link->name);
}

/* Makes or completes the bridge; the exclusive lock is held. */
static int complete(struct attachment *att, struct link *link, struct cni_error *err)
{
	struct netlink *nl = att->node->rtnl;
	const char *name = att->conf.bridge;
	int ret;

	if (!link->index) {
		queue_bridge_add(nl, &(struct bridge_spec){
					     .name = name,
					     .mac = random_mac(),
					     .mtu = att->conf.mtu,
				     });
		/* Somebody who doesn't take our lock may have been quicker. */
		ret = netlink_commit(nl, err);
		if (ret == -EEXIST)
			ret = error_clear(err);
		if (ret == 0)
			ret = link_get(nl, name, link, err);
		if (ret == 0)
			ret = must_be_bridge(link, err);
		if (ret < 0)
			return ret;
	}
	ret = accept_ra_off(name, err);
	if (ret < 0)
		return ret;
	if (!mac_is_pinned(name))
		queue_link_mac(nl, link->index, name, &link->mac);
	if (!link->up)
		queue_link_up(nl, link->index, name);
	return netlink_commit(nl, err);
}

static int bridge_add(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->node->rtnl;
	const char *name = att->conf.bridge;
	struct link link;
	int ret;

	ret = link_get(nl, name, &link, err);
	if (ret == 0)
		ret = must_be_bridge(&link, err);
	if (ret == 0 && is_complete(&link)) {
		ret = accept_ra_off(name, err);
	} else if (ret == 0) {
		ret = node_lock(att->node, NODE_EXCLUSIVE, err);
		if (ret == 0)
			ret = link_get(nl, name, &link, err);
		if (ret == 0)
			ret = must_be_bridge(&link, err);
		if (ret == 0)
			ret = complete(att, &link, err);
	}
	if (ret < 0)
		return ret;

	att->bridge_index = link.index;
	att->bridge_mac = link.mac;
	att->bridge_mtu = link.mtu;
	return 0;
}

static int bridge_check(struct attachment *att, struct cni_error *err)
{
	const char *name = att->conf.bridge;
	struct link link;
	int ret;

	ret = link_get(att->node->rtnl, name, &link, err);
	if (ret < 0)
		return ret;
	if (!link.index)
		return error_set(
			err, CNI_ERR_CHECK, ENODEV,
			"bridge: expected the bridge %s, found no such interface", name);
	if (strcmp(link.kind, "bridge") != 0)
		return error_set(err, CNI_ERR_CHECK, ENODEV,
				 "bridge: expected the bridge %s, found an interface of "
				 "kind \"%s\"",
				 name, link.kind);
	if (!link.up)
		return error_set(err, CNI_ERR_CHECK, ENETDOWN,
				 "bridge: expected %s up, found it down", name);

	/* Its MAC address is shared, too: another one than prevResult's is no fault of this
	 * attachment's (containernetworking/cni#285). */
	att->bridge_index = link.index;
	att->bridge_mac = link.mac;
	att->bridge_mtu = link.mtu;
	return 0;
}

const struct stage stage_bridge = {
	.name = "bridge",
	.add = bridge_add,
	.check = bridge_check,
};
