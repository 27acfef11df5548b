/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives the pod's end its addresses and sets it up, in one send. All that goes with the
 * veth pair, so there is nothing to delete.
 */
#include <errno.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/link.h"
#include "plugin/node/sysctl.h"
#include "master_taken.h"
#include "parameters.h"
#include "quiet.h"
#include "stages.h"

#define LINK_LOCAL_LEN 64 /* of the prefix */

static int ipv6_enable(void *data, struct cni_error *err)
{
	const struct attachment *att = data;

	return sysctl_enable_ipv6(att->pod->ifname, err);
}

/*
 * Adds the link-local address, which the kernel would make by itself once the interface
 * is up. An address that is added before needs no duplicate address detection, and can be
 * used at once.
 */
static void queue_link_local(struct attachment *att)
{
	struct ip_prefix address = {ip_link_local_of(&att->container_mac),
				    LINK_LOCAL_LEN};

	queue_addr_set(att->pod_ns.rtnl, att->container_index, att->pod->ifname,
		       &address);
}

static void queue_addresses(struct attachment *att, int family)
{
	const struct cni_result *ipam = &att->ipam;

	for (size_t i = 0; i < ipam->ips.n; i++) {
		struct ip_prefix address = attachment_pod_address(att,
								  &ipam->ips.items[i]);

		if (address.addr.family == family)
			queue_addr_add(att->pod_ns.rtnl, att->container_index,
				       att->pod->ifname, &address,
				       att->network->enable_dad);
	}
}

static int ipv6_and_up(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->pod_ns.rtnl;
	bool ipv6 = attachment_uses(att, AF_INET6);

	queue_addresses(att, AF_INET6);
	if (ipv6 && !att->network->enable_dad)
		queue_link_local(att);
	queue_link_up(nl, att->container_index, att->pod->ifname);
	quiet_queue_gateways(att);
	return netlink_commit(nl, err);
}

/*
 * Runtimes turn IPv6 off in pods by default. A network that has IPv6 addresses turns it
 * on, and starts again from the beginning: on an interface that is up the kernel would
 * make its own address.
 */
static _noinline_ int ipv6_again(struct attachment *att, struct cni_error *err)
{
	struct netlink *nl = att->pod_ns.rtnl;
	int ret;

	queue_link_down(nl, att->container_index, att->pod->ifname);
	ret = netlink_commit(nl, err);
	if (ret == 0)
		ret = pod_ns_run(&att->op->node, att->pod_ns.fd, ipv6_enable, att, err);
	return ret < 0 ? ret : ipv6_and_up(att, err);
}

static int addresses_add(struct attachment *att, struct cni_error *err)
{
	bool ipv6 = attachment_uses(att, AF_INET6);
	int ret = 0;

	if (att->refuses_routers)
		queue_link_no_redirects(att->pod_ns.rtnl, att->container_index,
					att->pod->ifname);
	if (att->network->disable_container_interface)
		return netlink_commit(att->pod_ns.rtnl, err);
	if (ipv6 && ipam_delegated(att->network))
		ret = parameters_for_ipv6(att, err);
	if (ret < 0)
		return ret;
	queue_addresses(att, AF_INET);
	ret = ipv6_and_up(att, err);
	/* IPv6 is off in the pod, or not in the kernel at all. */
	if (ipv6 && (ret == -EACCES || ret == -EOPNOTSUPP)) {
		error_clear(err);
		ret = ipv6_again(att, err);
	}
	return ret < 0 ? master_taken_explain(att, ret, err) : ret;
}

static int addresses_check(struct attachment *att, struct cni_error *err)
{
	const struct cni_result *prev = &att->ipam;
	struct addr_list list = {};
	char found[ERROR_MSG_MAX / 2];
	int ret;

	ret = addr_list_get(att->pod_ns.rtnl, att->container_index, AF_UNSPEC, &list,
			    err);
	for (size_t i = 0; ret == 0 && i < prev->ips.n; i++) {
		struct ip_prefix expected = attachment_pod_address(att,
								   &prev->ips.items[i]);

		if (addr_list_has(&list, &expected))
			continue;
		ret = error_set(err, CNI_ERR_CHECK, EADDRNOTAVAIL,
				"%s: expected the address %s, found %s", att->pod->ifname,
				PREFIX_TEXT(&expected),
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
