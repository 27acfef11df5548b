/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "macvlan_del.h"

#include <errno.h>
#include <string.h>

#include "ipam/store/record.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/wait_deleted.h"
#include "plugin/node/pod_signs.h"

/* Opens the pod's namespace, unless that is done. 1: there is none that could have the
 * link. */
static int pod_open(struct attachment *att, struct cni_error *err)
{
	const struct record *record = att->record;
	const char *path = att->pod->netns;
	struct cni_error own = {};
	uint64_t cookie;
	int ret;

	if (!*path && record)
		path = record->netns;
	if (!*path)
		return 1;
	if (!att->pod_ns.rtnl) {
		ret = pod_ns_open(&att->op->node, path, att->op->env->netns_override,
				  &att->pod_ns, &own);
		/* It is gone, was never one, or is the node's own, where an ADD makes
		 * nothing. */
		if (ret == -ENOENT || ret == -ENOTDIR || ret == -EINVAL)
			return 1;
		if (ret < 0) {
			error_copy(err, &own);
			return ret;
		}
	}
	cookie = netlink_cookie(att->pod_ns.rtnl);
	return record && record->cookie && cookie && record->cookie != cookie;
}

/*
 * Is the link the attachment's? One without an alias was made by an ADD that was killed,
 * or by another plugin.
 */
static bool is_ours(const struct attachment *att, const struct link *link,
		    const char *alias)
{
	return link->index && link_is(link, switch_word(att->switch_kind)) &&
	       (!link->alias[0] || strcmp(link->alias, alias) == 0);
}

/* Finds the link by its name, or where somebody has renamed it, by its alias. */
static int find(struct attachment *att, struct link *ret_link, struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	struct netlink *nl = att->pod_ns.rtnl;
	char alias[LINK_ALIAS_MAX];
	int ret = link_get(nl, att->pod->ifname, ret_link, err);

	identity_alias(att->network->name, att->pod->container_id, att->pod->ifname,
		       alias);
	if (ret < 0 || is_ours(att, ret_link, alias))
		return ret;
	*ret_link = (struct link){};
	ret = link_list_get(nl, &links, err);
	for (size_t i = 0; i < links.n; i++)
		if (links.items[i].alias[0] && is_ours(att, &links.items[i], alias))
			*ret_link = links.items[i];
	return ret;
}

/* Is run in the pod's namespace, as that is where the end of the link is announced. */
static int commit_announced(void *data, struct cni_error *err)
{
	struct attachment *att = data;

	return netlink_commit_announced(att->pod_ns.rtnl, NULL, &att->container_index, 1,
					NULL, NULL, err);
}

/* Deletes the link that was listed, in a namespace that a number leads to. That is looked
 * at again, as the number may be another namespace's by now, where the index is another
 * link's. */
static int share_del(struct attachment *att, const struct share *share, const char *alias,
		     struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	struct netlink *nl = att->op->node.rtnl;
	struct cni_error own = {};
	int ret = link_list_get_elsewhere(nl, share->ns_id, &links, &own);

	for (size_t i = 0; i < links.n; i++) {
		const struct link *link = &links.items[i];

		if (link->index == share->link.index && link->alias[0] &&
		    is_ours(att, link, alias))
			queue_link_del_elsewhere(nl, share->ns_id,
						 &(struct link_known){link->index,
								      link->name});
	}
	if (ret == 0)
		ret = netlink_commit(nl, &own);
	/* The link has gone since, or its namespace has. */
	if (ret == 0 || ret == -ENODEV || ret == -EINVAL)
		return 0;
	error_copy(err, &own);
	return ret;
}

/*
 * Deletes the link in a namespace that has no path any more, or another one than the
 * attachment's: as long as a descriptor, a mount or a process holds it, the link would
 * answer for the address, which somebody else may get. The node's number of the namespace
 * leads there. Without a record this is not the first DEL.
 */
static int held_del(struct attachment *att, struct cni_error *err)
{
	const struct share_list *shares;
	char alias[LINK_ALIAS_MAX];
	int ret = 0;

	shares = att->record ? pod_signs_shares(&att->op->node) : NULL;
	identity_alias(att->network->name, att->pod->container_id, att->pod->ifname,
		       alias);
	for (size_t i = 0; ret == 0 && shares && i < shares->n; i++) {
		const struct share *share = &shares->items[i];

		if (share->link.alias[0] && is_ours(att, &share->link, alias))
			ret = share_del(att, share, alias, err);
	}
	return ret;
}

int macvlan_del(struct attachment *att, struct cni_error *err)
{
	struct link link;
	int ret = pod_open(att, err);

	if (ret != 0)
		return ret < 0 ? ret : held_del(att, err);
	ret = find(att, &link, err);
	if (ret < 0 || !link.index)
		return ret;
	queue_link_del_known(att->pod_ns.rtnl,
			     &(struct link_known){link.index, link.name});
	att->container_index = link.index;
	ret = att->need_not_wait ? pod_ns_run(&att->op->node, att->pod_ns.fd,
					      commit_announced, att, err)
				 : netlink_commit(att->pod_ns.rtnl, err);
	return ret == -ENODEV ? error_clear(err) : ret;
}
