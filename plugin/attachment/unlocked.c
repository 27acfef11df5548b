/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives the node lock back for a while, and looks at what others did meanwhile. */
#include "unlocked.h"

#include <errno.h>

#include "plugin/netlink/link.h"
#include "plugin/node/node.h"
#include "plugin/switch/switch.h"

int unlocked_run(struct attachment *att, enum node_lock lock,
		 int (*run)(struct attachment *att, struct cni_error *err),
		 struct cni_error *err)
{
	struct cni_error lock_err = {};
	int ret, lock_ret;

	node_unlock(&att->op->node);
	ret = run(att, err);
	lock_ret = node_lock(&att->op->node, lock, &lock_err);
	if (lock_ret < 0 && ret == 0)
		error_copy(err, &lock_err);
	else if (lock_ret < 0)
		error_details(err, "%s", lock_err.msg);
	return ret < 0 ? ret : lock_ret;
}

int unlocked_check(struct attachment *att, const char *meanwhile, struct cni_error *err)
{
	bool has_host_end = switch_liveness(att->switch_kind)->has_host_end;
	struct node *node = &att->op->node;
	struct link host = {};
	int ret = has_host_end ? link_get(node->rtnl, att->pod->host_ifname, &host, err)
			       : 0;
	bool is_there;

	if (ret < 0)
		return ret;
	is_there = netlink_ifindex(att->pod_ns.rtnl, att->pod->ifname) ==
		   att->container_index;
	if (!has_host_end && !is_there)
		return error_set(
			err, CNI_ERR_TRY_AGAIN, ENODEV,
			"%s went while %s: a DEL came by, or somebody deleted it "
			"or its master %s",
			att->pod->ifname, meanwhile, att->master_ifname);
	if (is_there &&
	    (!has_host_end ||
	     (host.index && (att->port_is_foreign || host.master == att->bridge_index))))
		return 0;
	return error_set(err, CNI_ERR_TRY_AGAIN, ENODEV,
			 "%s (%s on the node) went while %s: a DEL came by, or somebody "
			 "deleted it or the bridge %s",
			 att->pod->ifname, att->pod->host_ifname, meanwhile, att->bridge);
}
