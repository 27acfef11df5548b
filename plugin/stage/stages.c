/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How each verb walks the table of stages, and collects what stages contribute. */
#include "stages.h"

#include <assert.h>
#include <errno.h>

#include "ipam/delegate.h"
#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/nft/rules_retire.h"
#include "plugin/nft/set_type.h"

#define STAGE_ENTRY(name) &stage_##name,
static const struct stage *const stages[] = {STAGES(STAGE_ENTRY)};

/* Is the stage for attachments on this one's switch? */
static bool is_for(const struct stage *stage, const struct attachment *att)
{
	return !stage->switches || stage->switches & SWITCH_BIT(att->switch_kind);
}

/* Runs one verb of a stage; how long it took is remembered for the log. */
static int timed(struct attachment *att, const struct stage *stage,
		 int (*verb)(struct attachment *, struct cni_error *),
		 struct cni_error *err)
{
	uint64_t start = operation_clock(att->op);
	int ret = verb(att, err);

	operation_time(att->op, stage->name, start);
	return ret;
}

/* Runs the DEL of one stage. Before the first one (ipam) gives the record up, the elements
 * are deleted once more where the lock was free meanwhile (@gaps: how often before they were
 * deleted): an ADD that puts flushed sets back fills them from the records, and this record
 * and its interface were still there. */
static int stage_undo(struct attachment *att, size_t n, unsigned int *gaps,
		      struct cni_error *err)
{
	struct node *node = &att->op->node;
	int ret = 0;

	if (n == 0 && node->gaps != *gaps)
		ret = stage_elements.del(att, err);
	if (ret == 0)
		ret = timed(att, stages[n], stages[n]->del, err);
	if (stages[n] == &stage_elements)
		*gaps = node->gaps;
	return ret;
}

/*
 * Undoes the first @n stages, last first. It goes on past errors and reports the first
 * one. After an error the first stage (ipam) is left out: its record tells the next DEL
 * and GC what is left, and no other pod may get the addresses while rules or an interface
 * have them.
 */
static int undo(struct attachment *att, size_t n, int first, struct cni_error *err)
{
	unsigned int gaps = att->op->node.gaps;

	while (n-- > 0) {
		struct cni_error own = {};
		int ret;

		if (!stages[n]->del || !is_for(stages[n], att) || (n == 0 && first < 0))
			continue;
		ret = stage_undo(att, n, &gaps, &own);
		if (ret < 0 && first == 0) {
			first = ret;
			error_copy(err, &own);
		}
	}
	return first;
}

/* The kernel's error says little where somebody has deleted the bridge meanwhile. It goes
 * to the details of an error that says so. */
static void blame_lost_bridge(const struct attachment *att, struct cni_error *err)
{
	struct cni_error first = {};

	if (!err || !att->bridge_index ||
	    netlink_ifindex(att->op->node.rtnl, att->bridge) == att->bridge_index)
		return;
	error_copy(&first, err);
	error_clear(err);
	error_set(err, CNI_ERR_TRY_AGAIN, ENODEV,
		  "bridge: %s was deleted while a pod was being attached to it",
		  att->bridge);
	error_details(err, "%s", first.msg);
}

/*
 * Takes away what the first @n stages have made. The record says what the attachment
 * holds, as its ADD may have had another configuration. @retires: the owner's rules go
 * with its last attachment.
 */
static int held_del(struct attachment *att, size_t n, bool retires, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	int ret = ipam_record_read(&att->ipam_env, att->pod, &record, err);

	/* Without its record a DEL leaves all to the next DEL. An ADD has to take away
	 * what can be told by names, because the pod must not keep an interface of a
	 * failed ADD. */
	if (ret < 0 && retires)
		return ret;
	att->record = ret == 0 ? &record : NULL;
	/* The attachment is taken from the switch and the bridge that its record names,
	 * whichever is configured by now: network, container ID and interface name one
	 * attachment alone. */
	if (att->record)
		attachment_follow_record(att, &record);
	/*
	 * The mark has to be there before a stage looks which other records have the
	 * attachment's addresses, as one of those may be going, too. Where it can't be
	 * written, the disk is full. Then only an ADD that puts rules back in this very
	 * moment would miss it.
	 */
	if (att->record && ipam_delegated(att->network))
		(void)ipam_record_mark_going(&att->ipam_env, att->pod, NULL);
	ret = undo(att, n, ret < 0 ? ret : 0, err);
	att->record = NULL;
	if (ret == 0 && retires && att->was_last)
		rules_retire(att);
	attachment_set_switch(att, att->network->switch_kind, att->network->bridge);
	return ret;
}

int stages_undo(struct attachment *att, struct cni_error *err)
{
	return held_del(att, ARRAY_SIZE(stages), false, err);
}

int stages_del(struct attachment *att, struct cni_error *err)
{
	return held_del(att, ARRAY_SIZE(stages), true, err);
}

/* Undoes an ADD after an error of stage @n. Another error is told in its details. */
static _noinline_ void add_undo(struct attachment *att, size_t n, struct cni_error *err)
{
	struct cni_error undo_err = {};

	blame_lost_bridge(att, err);
	netlink_discard(att->op->node.rtnl);
	netlink_discard(att->pod_ns.rtnl);
	netlink_discard(att->op->node.nftables);
	if (n > 0 && held_del(att, n, false, &undo_err) < 0)
		error_details(err, "undoing it failed, too: %s", undo_err.msg);
}

int stages_names(struct attachment *att, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(stages); i++)
		if (stages[i]->names && is_for(stages[i], att))
			ret = stages[i]->names(att, err);
	return ret;
}

int stages_links(struct attachment *att, struct stage_links *ret_links,
		 struct cni_error *err)
{
	int ret = 0;

	*ret_links = (struct stage_links){};
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(stages); i++)
		if (stages[i]->links && is_for(stages[i], att) &&
		    !ret_links->are_anothers)
			ret = stages[i]->links(att, ret_links, err);
	return ret;
}

int stages_elements(struct attachment *att, enum stage_elements_of which,
		    struct stage_elements *elements, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(stages); i++)
		if (stages[i]->elements && is_for(stages[i], att))
			ret = stages[i]->elements(att, which, elements, err);
	return ret;
}

size_t stages_sets(uint64_t owner, struct nft_set ret_sets[STAGE_SETS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		for (size_t k = 0; k < stages[i]->set_types_n; k++) {
			assert(n < STAGE_SETS_MAX);
			set_name(&stages[i]->set_types[k], owner, &ret_sets[n++]);
		}
	return n;
}

void stages_interfaces(const struct attachment *att, struct stage_interfaces *ret_list)
{
	*ret_list = (struct stage_interfaces){};
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (stages[i]->interfaces && is_for(stages[i], att))
			stages[i]->interfaces(att, ret_list);
}

typedef int (*show_fn)(struct attachment *att, struct stage_facts *facts,
		       struct cni_error *err);

static int show_one(struct attachment *att, show_fn show, struct stage_facts *facts,
		    int first, struct cni_error *err)
{
	int ret = show ? show(att, facts, first ? NULL : err) : 0;

	netlink_discard(att->op->node.rtnl);
	return first ? first : ret;
}

int stages_show_shared(struct attachment *net, struct stage_facts *facts,
		       struct cni_error *err)
{
	int first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (is_for(stages[i], net))
			first = show_one(net, stages[i]->show_shared, facts, first, err);
	return first;
}

int stages_show(struct attachment *att, struct stage_facts *facts, struct cni_error *err)
{
	int first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (is_for(stages[i], att))
			first = show_one(att, stages[i]->show, facts, first, err);
	return first;
}

int stages_add(struct attachment *att, struct cni_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		int ret;

		if (!stages[i]->add || !is_for(stages[i], att))
			continue;
		ret = timed(att, stages[i], stages[i]->add, err);
		if (ret < 0) {
			add_undo(att, i, err);
			return ret;
		}
	}
	return 0;
}

int stages_status(struct attachment *net, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(stages); i++)
		if (stages[i]->status && is_for(stages[i], net))
			ret = stages[i]->status(net, err);
	return ret;
}

int stages_sweep(struct attachment *net, struct cni_error *err)
{
	int first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (stages[i]->sweep && is_for(stages[i], net)) {
			int ret = stages[i]->sweep(net, first == 0 ? err : NULL);

			first = first == 0 ? ret : first;
		}
	return first;
}

int stages_check(struct attachment *att, struct cni_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		int ret;

		if (!stages[i]->check || !is_for(stages[i], att))
			continue;
		ret = timed(att, stages[i], stages[i]->check, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Repairs one attachment's part, or what is shared. False: there was an error, which is
 * in the report. */
static bool repair_one(struct attachment *att,
		       int (*verb)(struct attachment *, struct cni_error *))
{
	struct cni_error err = {};

	if (verb(att, &err) == 0)
		return true;
	blame_lost_bridge(att, &err);
	netlink_discard(att->op->node.rtnl);
	netlink_discard(att->op->node.nftables);
	report_error(att, &err);
	return false;
}

void stages_repair(struct attachment *net, struct attachment *const *connected, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (stages[i]->repair_shared && is_for(stages[i], net))
			repair_one(net, stages[i]->repair_shared);
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		if (!stages[i]->repair)
			continue;
		for (size_t k = 0; k < n; k++)
			if (!connected[k]->given_up && is_for(stages[i], connected[k]))
				connected[k]->given_up = !repair_one(connected[k],
								     stages[i]->repair);
	}
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (stages[i]->repair_shared_last && is_for(stages[i], net))
			repair_one(net, stages[i]->repair_shared_last);
}

void stages_repair_unlocked(struct attachment *net)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (stages[i]->repair_unlocked && is_for(stages[i], net))
			repair_one(net, stages[i]->repair_unlocked);
}
