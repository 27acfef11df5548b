/* SPDX-License-Identifier: GPL-2.0-or-later */
/* STATUS. Runtimes ask every few seconds, so mostly files alone have the answer. */
#include "status.h"

#include <errno.h>
#include <sys/socket.h>

#include "ipam/delegate.h"
#include "ipam/ipam.h"
#include "plugin/attachment/kernel.h"
#include "plugin/netlink/link.h"
#include "plugin/node/accept_ra.h"
#include "plugin/stage/bridge_nf.h"
#include "plugin/stage/forwarding.h"
#include "plugin/stage/gateway.h"
#include "plugin/stage/portmap_localnet.h"
#include "plugin/stage/stages.h"

/* Counts addresses that a reclaim would give back as free. @full: the message of a full
 * range set. */
static int room_after_reclaim(struct attachment *att, const char *full,
			      struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list dead = {};
	int ret = ipam_stale(&att->ipam_env, &dead, err);

	if (ret < 0 || dead.n > 0 || att->network->ready_when_exhausted)
		return ret;
	/* Files that name nobody are given back by now. */
	ret = ipam_room(&att->ipam_env, att->network, &att->ipam, err);
	if (ret != -EADDRNOTAVAIL)
		return ret;
	error_clear(err);
	return error_set(
		err, CNI_ERR_UNAVAILABLE, ENOSPC,
		"%s; delete pods or widen the range (statusOnExhaustion \"ready\" "
		"keeps the node's state out of it)",
		full);
}

static int status(struct attachment *att, struct cni_error *err)
{
	struct cni_error own = {};
	int ret = ipam_room(&att->ipam_env, att->network, &att->ipam, &own);

	if (ret == -EADDRNOTAVAIL)
		return room_after_reclaim(att, own.msg, err);
	if (ret < 0)
		error_copy(err, &own);
	return ret;
}

int ipam_verb_status(struct attachment *att, struct cni_error *err)
{
	kernel_boot_only(&att->op->kernel);
	return status(att, err);
}

/* Checks the gateways of @att->ipam on the interface that has them, or is to have
 * them. */
static int gateway_check(struct attachment *att, struct cni_error *err)
{
	struct link link;
	int ret;

	ret = link_get(att->op->node.rtnl, att->gateway_ifname, &link, err);
	if (ret < 0)
		return ret;
	att->gateway_index = link.index;
	att->bridge_index = att->network->vlan ? 0 : link.index;
	ret = gateway_addresses_status(att, err);
	if (ret == -EADDRINUSE)
		error_recode(err, CNI_ERR_UNAVAILABLE);
	if (ret == 0 && !link.index)
		ret = accept_ra_status(err);
	if (ret == 0 && gateway_uses(att, AF_INET))
		ret = forwarding_tell_uplinks(att, err);
	if (ret == 0 && gateway_uses(att, AF_INET))
		localnet_tell_all(att);
	return ret;
}

/* Would the next ADD be refused because of its gateway, which it shares with other pods?
 * Where a pod has an address of the same range, that pod's ADD has checked it. */
static int gateway_status(struct attachment *att, struct cni_error *err)
{
	int ret;

	if (!att->network->is_gateway || att->ipam.ips.n == 0)
		return 0;
	ret = netlink_open(NETLINK_FOR_ROUTE, &att->op->node.rtnl, err);
	if (ret == 0)
		ret = gateway_check(att, err);
	operation_close(att->op);
	return ret;
}

/* Tells of route_localnet. It doesn't decide whether an ADD would succeed, so an error is
 * told as well. */
static void localnet_tell(struct attachment *att)
{
	struct cni_error err = {};

	if (localnet_is_on(att) && attachment_run(att, localnet_status, &err) < 0)
		notice(&att->op->notices, "%s", err.msg);
}

int verb_status(struct attachment *att, struct cni_error *err)
{
	const struct delegation delegation = {att->network, att->pod, att->op->env->path};
	int ret;

	network_gateway_ifname(att->network, att->gateway_ifname);
	localnet_tell(att);
	ret = stages_status(att, err);
	if (ret == 0)
		ret = bridge_nf_status(att, err);
	if (ret < 0)
		return ret;
	if (ipam_delegated(att->network))
		return delegate_run(&delegation, CNI_STATUS, err);
	if (!ipam_in_process(att->network))
		return 0;
	/* Mostly the store alone has the answer. Only when it is full does it matter
	 * whether pods are dead, which the kernel tells. */
	ret = ipam_verb_status(att, NULL);
	if (ret < 0)
		ret = attachment_run(att, status, err);
	return ret < 0 ? ret : gateway_status(att, err);
}
