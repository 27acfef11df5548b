/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adds and deletes the elements that all stages contribute for an attachment, each in one
 * transaction: a transaction goes through all chains of the node in the kernel, and one
 * that deletes has to wait for the kernel. The elements are there before the pod's end is
 * up.
 */
#include "ipam/store/record.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "plugin/nft/rules_by_name.h"
#include "port.h"
#include "stages.h"
#include "sweep.h"

static int elements_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(stage_elements_clear) struct stage_elements own = {};
	struct netlink *nl;
	int ret = stages_elements(att, ELEMENTS_WANTED, &own, err);

	if (ret < 0 || own.list.n == 0)
		return ret;
	ret = node_nftables(&att->op->node, &nl, err);
	if (ret < 0)
		return ret;
	ret = nft_elements_add(nl, own.list.items, own.list.n, err);
	if (ret == 0)
		ret = stages_elements(att, ELEMENTS_ADDED, &own, err);
	/* Other attachments need not wait for this one any more. */
	if (ret == 0)
		ret = node_share(&att->op->node, err);
	if (ret == 0)
		return 0;
	/* The kernel may have added them although its answer was lost. The port may have
	 * been opened for another IPAM plugin. */
	if (att->pod->mac_spoof_check)
		(void)port_close(att, NULL);
	nft_elements_del(nl, own.list.items, own.list.n, NULL);
	return ret;
}

/* Without a record (it was deleted, or the configuration names another store by now)
 * nothing tells whose sets have the pod's elements. They must not lead to the next pod
 * that has the address. */
static int unrecorded_del(struct attachment *att, struct cni_error *err)
{
	struct link host;
	int ret = link_get(att->op->node.rtnl, att->pod->host_ifname, &host, err), closed;

	if (ret < 0 || !host.index ||
	    identity_alias_is_anothers(host.alias, att->network->name,
				       att->pod->container_id, att->pod->ifname))
		return ret;
	closed = port_close(att, err);
	ret = sweep_pod(att, closed < 0 ? NULL : err);
	return closed < 0 ? closed : ret;
}

static int elements_del(struct attachment *att, struct cni_error *err)
{
	_cleanup_(stage_elements_clear) struct stage_elements own = {};
	struct netlink *nl;
	int ret;

	if (!att->record)
		return unrecorded_del(att, err);
	ret = stages_elements(att, ELEMENTS_HELD, &own, err);
	if (ret == 0 && own.list.n > 0)
		ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0 && own.list.n > 0)
		ret = stage_elements_delete(att, nl, &own, err);
	/* A pod of an earlier version has its elements in sets named by the network, and
	 * has some that it wouldn't be given now, until the rules are replaced. */
	if (ret == 0 && rules_by_name_recorded(att->record))
		ret = sweep_pod_of_owner(att, identity_owner_by_name(att->network->name),
					 err);
	return ret;
}

const struct stage stage_elements = {
	.name = "elements",
	.add = elements_add,
	.del = elements_del,
};
