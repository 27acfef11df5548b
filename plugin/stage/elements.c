/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The elements that stages contribute for an attachment, in one transaction: each goes through
 * all chains of the node in the kernel, and its end waits for the kernel where it deletes. They
 * are there before the pod's end is up.
 */
#include "ipam/store/record.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "plugin/nft/rules_by_name.h"
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
	/* From here on nobody has to wait for this attachment. */
	if (ret == 0)
		ret = node_share(&att->op->node, err);
	/* The kernel may have done it, and its answer been lost. */
	if (ret < 0)
		nft_elements_del(nl, own.list.items, own.list.n, NULL);
	return ret;
}

/* Without a record (it was deleted, or the configuration names another store by now) nothing
 * tells whose sets have the pod's elements. They must not lead to whoever has the address next. */
static int unrecorded_del(struct attachment *att, struct cni_error *err)
{
	struct link host;
	int ret = link_get(att->op->node.rtnl, att->pod->host_ifname, &host, err);

	if (ret < 0 || !host.index ||
	    identity_alias_is_anothers(host.alias, att->network->name,
				       att->pod->container_id, att->pod->ifname))
		return ret;
	return sweep_pod(att, err);
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
	/* An earlier version's pod has them in the sets of its network's name, and some that
	 * it wouldn't be given now, until the rules are replaced. */
	if (ret == 0 && rules_by_name_recorded(att->record) &&
	    (att->record->ports.n > 0 || att->record->spoof_check))
		ret = sweep_pod_of_owner(att, identity_owner_by_name(att->network->name),
					 err);
	return ret;
}

const struct stage stage_elements = {
	.name = "elements",
	.add = elements_add,
	.del = elements_del,
};
