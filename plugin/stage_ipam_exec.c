/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of the attachment by a delegated IPAM. It runs once the interface is
 * there, because dhcp looks it up in the pod's namespace, and without the node lock,
 * because it may take long; what was true before is then looked at again.
 */
#include <errno.h>

#include "../ipam/delegate.h"
#include "../ipam/ipam.h"
#include "ipam_result.h"
#include "masquerade_pods.h"
#include "netlink_route.h"
#include "stages.h"

static int check_run(struct attachment *att, struct cni_error *err)
{
	return delegate_run(att, CNI_CHECK, err);
}

static int del_run(struct attachment *att, struct cni_error *err)
{
	return delegate_run(att, CNI_DEL, err);
}

/* A DEL of the same attachment may have come by, or the pod or the bridge gone. */
static int veth_must_be_there(struct attachment *att, struct cni_error *err)
{
	struct node *node = att->node;
	struct link host;
	int ret = link_get(node->rtnl, att->host_ifname, &host, err);

	if (ret < 0)
		return ret;
	if (host.index && host.master == att->bridge_index &&
	    netlink_ifindex(node->pod_rtnl, att->env.ifname) == att->container_index)
		return 0;
	return error_set(err, CNI_ERR_TRY_AGAIN, ENODEV,
			 "%s (%s on the node) went while the IPAM plugin %s ran: a DEL "
			 "came by, or somebody deleted it or the bridge %s",
			 att->env.ifname, att->host_ifname, att->conf.ipam.type,
			 att->conf.bridge);
}

/* The lock is there again afterwards, whatever @run says, as far as it is needed: in GC
 * and in a reclaim other things go on under the exclusive one. */
static int run_unlocked(struct attachment *att,
			int (*run)(struct attachment *att, struct cni_error *err),
			struct cni_error *err)
{
	enum node_lock lock = att->env.verb == CNI_DEL ? att->node->lock : NODE_SHARED;
	struct cni_error lock_err = {};
	int ret, lock_ret;

	node_unlock(att->node);
	ret = run(att, err);
	lock_ret = node_lock(att->node, lock, &lock_err);
	if (lock_ret < 0 && ret == 0)
		*err = lock_err;
	else if (lock_ret < 0)
		error_details(err, "%s", lock_err.msg);
	return ret < 0 ? ret : lock_ret;
}

static int ipam_exec_add(struct attachment *att, struct cni_error *err)
{
	struct cni_error undo = {};
	int ret;

	if (!ipam_delegated(&att->conf))
		return 0;
	ret = run_unlocked(att, delegate_add, err);
	/* Without addresses it has undone its part itself. */
	if (ret < 0 && att->ipam.ips.n == 0)
		return ret;
	if (ret == 0)
		ret = veth_must_be_there(att, err);
	if (ret == 0)
		ret = ipam_result_complete(att, err);
	if (ret == 0)
		ret = ipam_record_addresses(att, err);
	if (ret < 0 && run_unlocked(att, del_run, &undo) < 0)
		error_details(err, "undoing it failed, too: %s", undo.msg);
	return ret;
}

static int ipam_exec_check(struct attachment *att, struct cni_error *err)
{
	return ipam_delegated(&att->conf) ? run_unlocked(att, check_run, err) : 0;
}

/* Elements first, the interface after them. Goes on past an error as DEL does. */
static int ipam_exec_del(struct attachment *att, struct cni_error *err)
{
	struct cni_error run_err = {}, mark = {};
	int ret, run_ret = 0;

	/* Before it looks who else has its addresses, for that one may go, too. Where it can't
	 * be written, the disk is full: only an ADD that puts rules back in this very moment
	 * would notice. */
	if (ipam_delegated(&att->conf))
		(void)ipam_record_going(att, &mark);
	ret = masquerade_pods_del(att, err);
	if (ipam_delegated(&att->conf))
		run_ret = run_unlocked(att, del_run, &run_err);
	if (run_ret < 0 && ret == 0)
		*err = run_err;
	else if (run_ret < 0)
		error_details(err, "%s", run_err.msg);
	return ret < 0 ? ret : run_ret;
}

const struct stage stage_ipam_exec = {
	.name = "ipam_exec",
	.add = ipam_exec_add,
	.check = ipam_exec_check,
	.del = ipam_exec_del,
};
