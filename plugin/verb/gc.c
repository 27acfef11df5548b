/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An attachment of the owner (identity_owner()) that holds something and isn't on the
 * runtime's list gets a DEL. Records and reservations tell who holds something. Where
 * somebody deleted both, or a newer version wrote the record, the alias of an interface
 * tells.
 */
#include "gc.h"

#include <errno.h>

#include "ipam/delegate.h"
#include "plugin/attachment/kernel.h"
#include "plugin/stage/bridge_alias.h"
#include "plugin/stage/neighbours_left.h"
#include "plugin/stage/portmap_localnet.h"
#include "plugin/stage/reclaim.h"
#include "plugin/stage/stages.h"
#include "plugin/stage/sweep.h"
#include "owner_links.h"

/* Collects errors: the first one is the result, the others go to its details. */
struct errors {
	struct cni_error *first;
	int ret;
	size_t n;
};

static void errors_add(struct errors *errors, int ret, const struct cni_error *err)
{
	if (ret == 0)
		return;
	if (errors->n++ == 0) {
		errors->ret = ret;
		error_copy(errors->first, err);
	} else {
		error_details(errors->first, "%s", err->msg);
	}
}

static void holders_collect(struct attachment *att, const struct valid_set *valid,
			    const struct ipam_holder_list *holders, struct errors *errors)
{
	for (size_t i = 0; i < holders->n; i++) {
		const struct ipam_holder *holder = &holders->items[i];
		struct cni_error err = {};
		int ret;

		if (valid_set_has(valid, holder->container_id, holder->ifname))
			continue;
		ret = reclaim_delete(att, holder->container_id, holder->ifname, &err);
		errors_add(errors, ret, &err);
	}
}

static bool is_valid(const struct attachment *net, const struct valid_set *valid,
		     const struct link *link)
{
	for (size_t i = 0; i < valid->n; i++)
		if (link_is_of_pod(net, valid->items[i].container_id,
				   valid->items[i].ifname, link))
			return true;
	return false;
}

/* Deletes a link by the DEL of the attachment that its alias names: the DEL knows what
 * else there is, and doesn't touch an attachment whose record a newer version wrote. */
static int unowned_delete(struct attachment *att, const struct link *link,
			  struct cni_error *err)
{
	struct netlink *nl = att->op->node.rtnl;
	struct alias_names names;
	int ret;

	/* The link is gone with another one: an ifb goes with its veth. */
	if (netlink_ifindex(nl, link->name) != link->index)
		return 0;
	if (identity_alias_read(link->alias, &names) &&
	    link_is_of_pod(att, names.container_id, names.ifname, link))
		return reclaim_delete(att, names.container_id, names.ifname, err);
	queue_link_del(nl, link->name);
	ret = netlink_commit(nl, err);
	return ret == -ENODEV ? error_clear(err) : ret;
}

/* Deletes links that no DEL above knew of. Where an attachment's DEL failed, its links
 * stay, too. */
static void interfaces_collect(struct attachment *att, const struct valid_set *valid,
			       const struct ipam_holder_list *holders,
			       struct errors *errors)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	struct cni_error err = {};
	int ret = link_list_get(att->op->node.rtnl, &links, &err);

	errors_add(errors, ret, &err);
	for (size_t i = 0; i < links.n; i++) {
		const struct link *link = &links.items[i];

		if (!link_is_of_owner(att, link) || is_valid(att, valid, link) ||
		    link_is_of_holder(att, holders, link))
			continue;
		error_clear(&err);
		errors_add(errors, unowned_delete(att, link, &err), &err);
	}
}

/* Deletes elements that no DEL knew of, because their attachment has neither a record nor
 * an interface any more. */
static void elements_collect(struct attachment *att, const struct valid_set *valid,
			     struct errors *errors)
{
	struct cni_error err = {};
	size_t n;

	errors_add(errors, sweep_gone(att, valid, &n, &err), &err);
}

static void all_collect(struct attachment *att, const struct valid_set *valid,
			struct errors *errors)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list holders = {};
	struct cni_error err = {};

	errors_add(errors, ipam_holders(&att->ipam_env, &holders, &err), &err);
	holders_collect(att, valid, &holders, errors);
	interfaces_collect(att, valid, &holders, errors);
	elements_collect(att, valid, errors);
	error_clear(&err);
	errors_add(errors, stages_sweep(att, &err), &err);
	error_clear(&err);
	errors_add(errors, localnet_settle(att, &err), &err);
	error_clear(&err);
	errors_add(errors, bridge_alias_settle(att, &err), &err);
	error_clear(&err);
	errors_add(errors, neighbours_sweep(att, &err), &err);
}

static int errors_tell(const struct errors *errors)
{
	if (errors->n > 1)
		error_wrap(errors->first, "%zu things could not be deleted, the first",
			   errors->n);
	return errors->ret;
}

int gc_collect(struct attachment *att, const struct valid_set *valid,
	       struct cni_error *err)
{
	struct errors errors = {.first = err};

	all_collect(att, valid, &errors);
	return errors_tell(&errors);
}

static int gc_locked(struct attachment *att, const struct valid_set *valid,
		     struct cni_error *err)
{
	struct errors errors = {.first = err};
	struct cni_error own = {};
	int ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);

	if (ret < 0)
		return ret;
	all_collect(att, valid, &errors);
	if (ipam_delegated(att->network)) {
		node_unlock(&att->op->node);
		ret = delegate_run(&(struct delegation){att->network, att->pod,
							att->op->env->path},
				   CNI_GC, &own);
		errors_add(&errors, ret, &own);
	}
	return errors_tell(&errors);
}

int verb_gc(struct attachment *att, const struct valid_set *valid, struct cni_error *err)
{
	int ret;

	if (!valid->given)
		return 0;
	ret = operation_open(att->op, err);
	att->op->node.removes = true;
	if (ret == 0)
		ret = gc_locked(att, valid, err);
	operation_close(att->op);
	return ret;
}

int ipam_verb_gc(struct attachment *att, const struct valid_set *valid,
		 struct cni_error *err)
{
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list holders = {};
	struct errors errors = {.first = err};
	int ret = 0;

	kernel_boot_only(&att->op->kernel);
	if (valid->given)
		ret = ipam_holders(&att->ipam_env, &holders, err);
	for (size_t i = 0; ret == 0 && i < holders.n; i++) {
		const struct ipam_holder *holder = &holders.items[i];
		struct cni_error own = {};
		struct pod gone;
		bool was_last;
		int own_ret;

		if (valid_set_has(valid, holder->container_id, holder->ifname))
			continue;
		pod_name_only(att->network, holder->container_id, holder->ifname, &gone);
		own_ret = ipam_release(&att->ipam_env, &gone, &was_last, &own);
		errors_add(&errors, own_ret, &own);
	}
	return ret < 0 ? ret : errors.ret;
}
