/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pod's end: addresses, and up, in one send. It goes with the veth, so there is nothing
 * to delete.
 */
#include <errno.h>
#include <sys/socket.h>

#include "netlink_route.h"
#include "stages.h"
#include "sysctl.h"

/* Runtimes turn IPv6 off in pods by default; who configures it here wants it. */
static int ipv6_enable(void *data, struct cni_error *err)
{
	const char *ifname = data;
	int ret = sysctl_ensure(0, err, "ipv6/conf/%s/disable_ipv6", ifname);

	if (ret == -ENOENT)
		return error_set(
			err, CNI_ERR_KERNEL, EAFNOSUPPORT,
			"the network has IPv6 ranges, but the node's kernel runs "
			"without IPv6");
	return ret;
}

/* For the kernel's duplicate address detection, whatever the pod's defaults are. */
static int dad_enable(void *data, struct cni_error *err)
{
	const char *ifname = data;
	int ret = sysctl_ensure(1, err, "ipv6/conf/%s/accept_dad", ifname);

	if (ret == 0)
		ret = sysctl_ensure(1, err, "ipv6/conf/%s/enhanced_dad", ifname);
	return ret == -ENOENT ? 0 : ret;
}

static int ipv6_prepare(struct attachment *att, struct cni_error *err)
{
	void *ifname = (void *)att->env.ifname;
	int ret = node_in_pod(att->node, ipv6_enable, ifname, err);

	if (ret == 0 && att->conf.enable_dad)
		ret = node_in_pod(att->node, dad_enable, ifname, err);
	return ret;
}

static int addresses_add(struct attachment *att, struct cni_error *err)
{
	const struct cni_result *ipam = &att->ipam;
	struct netlink *nl = att->node->pod_rtnl;
	const char *ifname = att->env.ifname;
	unsigned int index = att->container_index;
	bool dad = att->conf.enable_dad;
	int ret = 0;

	if (att->conf.disable_container_interface)
		return 0;
	if (attachment_uses(att, AF_INET6))
		ret = ipv6_prepare(att, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < ipam->ips.n; i++)
		queue_addr_add(nl, index, ifname, &ipam->ips.items[i].address, dad);
	queue_link_up(nl, index, ifname);
	return netlink_commit(nl, err);
}

static int addresses_check(struct attachment *att, struct cni_error *err)
{
	const struct cni_result *prev = &att->ipam;
	struct addr_list list = {};
	char found[ERROR_MSG_MAX / 2];
	int ret;

	ret = addr_list_get(att->node->pod_rtnl, att->container_index, AF_UNSPEC, &list,
			    err);
	for (size_t i = 0; ret == 0 && i < prev->ips.n; i++) {
		const struct ip_prefix *expected = &prev->ips.items[i].address;

		if (addr_list_has(&list, expected))
			continue;
		ret = error_set(err, CNI_ERR_CHECK, EADDRNOTAVAIL,
				"%s: expected the address %s, found %s", att->env.ifname,
				PREFIX_TEXT(expected),
				addr_list_format(&list, found, sizeof(found)));
	}
	addr_list_clear(&list);
	return ret;
}

const struct stage stage_addresses = {
	.name = "addresses",
	.add = addresses_add,
	.check = addresses_check,
};
