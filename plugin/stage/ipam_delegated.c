/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Has another IPAM plugin give the attachment its addresses. That runs once the interface
 * is there, because dhcp looks for it in the pod's namespace. It runs without the node
 * lock, because it may take long. What was true before is checked again afterwards.
 */
#include <stdio.h>

#include "ipam/delegate.h"
#include "ipam/ipam.h"
#include "plugin/attachment/unlocked.h"
#include "bridge_nf.h"
#include "conntrack.h"
#include "ipam_result.h"
#include "masquerade_pods.h"
#include "stages.h"

static int run(struct attachment *att, enum cni_verb verb, struct cni_error *err)
{
	const struct delegation delegation = {att->network, att->pod, att->op->env->path};

	return delegate_run(&delegation, verb, err);
}

static int add_run(struct attachment *att, struct cni_error *err)
{
	const struct delegation delegation = {att->network, att->pod, att->op->env->path};

	return delegate_add(&delegation, &att->ipam, &att->ipam_doc, err);
}

static int check_run(struct attachment *att, struct cni_error *err)
{
	return run(att, CNI_CHECK, err);
}

static int del_run(struct attachment *att, struct cni_error *err)
{
	return run(att, CNI_DEL, err);
}

static int delegated_add(struct attachment *att, struct cni_error *err)
{
	char meanwhile[ERROR_MSG_MAX / 2];
	struct cni_error undo = {};
	int ret;

	if (!ipam_delegated(att->network))
		return 0;
	ret = unlocked_run(att, NODE_SHARED, add_run, err);
	/* A plugin that gave no addresses has undone its part itself. */
	if (ret < 0 && att->ipam.ips.n == 0)
		return ret;
	if (ret == 0) {
		snprintf(meanwhile, sizeof(meanwhile), "the IPAM plugin %s ran",
			 att->network->ipam.type);
		ret = unlocked_check(att, meanwhile, err);
	}
	if (ret == 0)
		ret = ipam_result_complete(att, err);
	if (ret == 0)
		ret = policy_check_answer(att->op->rule, &att->ipam,
					  att->network->is_gateway, err);
	if (ret == 0)
		ret = bridge_nf_refuse(att, err); /* families are known only now */
	if (ret == 0)
		ret = ipam_record_write_addresses(&att->ipam_env, att->pod, &att->ipam,
						  err);
	if (ret < 0 && unlocked_run(att, NODE_SHARED, del_run, &undo) < 0)
		error_details(err, "undoing it failed, too: %s", undo.msg);
	return ret;
}

static int delegated_check(struct attachment *att, struct cni_error *err)
{
	/* Who only looks has no other program do anything. */
	return ipam_delegated(att->network) && !att->op->looks
		       ? unlocked_run(att, NODE_SHARED, check_run, err)
		       : 0;
}

/* Rules and elements are gone by now. The interface goes after the addresses. */
static int plugin_del(struct attachment *att, struct cni_error *err)
{
	/* This pod's connections are forgotten now, as the address's next pod may have
	 * connections before this pod's interface is gone. Those that come up meanwhile
	 * are forgotten with the interface. */
	if (conntrack_prepare(att))
		conntrack_delete_pod(att);
	/* A GC or a reclaim goes on under the exclusive lock afterwards. */
	return unlocked_run(att, att->op->node.lock, del_run, err);
}

/* The elements of the addresses that are in the record (masquerade_pods.h) go first. A
 * DEL goes on past an error. */
static int delegated_del(struct attachment *att, struct cni_error *err)
{
	struct cni_error own = {};
	int own_ret = 0, ret = masquerade_pods_del(att, err);

	if (ipam_delegated(att->network))
		own_ret = plugin_del(att, &own);
	if (own_ret < 0 && ret == 0)
		error_copy(err, &own);
	else if (own_ret < 0)
		error_details(err, "%s", own.msg);
	return ret < 0 ? ret : own_ret;
}

const struct stage stage_ipam_delegated = {
	.name = "ipam_exec",
	.add = delegated_add,
	.check = delegated_check,
	.del = delegated_del,
};
