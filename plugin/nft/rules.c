/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replaces what differs from the rules that are wanted, in one transaction. */
#include "rules.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "nft.h"
#include "plugin/node/node.h"
#include "plugin/attachment/report.h"
#include "rules_by_name.h"
#include "rules_compare.h"
#include "rules_remove.h"
#include "rules_retire.h"

#define RACES_MAX 5 /* with somebody who flushes tables */

/* Rules may jump to chains whose own rules come later, so all chains are declared
 * first. */
static void chain_text(const struct attachment *att, const char *family,
		       const struct rule *rule, struct text *batch)
{
	char chain[RULES_CHAIN_MAX];

	rule_chain_name(rule, att->owner, chain);
	text_add(batch, "add chain %s " RULES_TABLE " %s", family, chain);
	if (rule_chain(rule)->hook)
		text_add(batch, " { %s; }", rule_chain(rule)->hook);
	text_add(batch, "\n");
}

static void rule_text(const struct attachment *att, const struct comparison *comparison,
		      const struct rule *rule, struct text *batch)
{
	char comment[NFT_COMMENT_MAX], chain[RULES_CHAIN_MAX];

	rule_chain_name(rule, att->owner, chain);
	rules_comment_format(rule->shared ? RULES_SHARED_OWNER : att->owner,
			     rule->shared ? RULES_SHARED_NAME : att->network->name,
			     comparison->stage, rule->kind,
			     rule_fingerprint(rule, rule->text), rule_written_hash(rule),
			     comment);
	text_add(batch, "%s rule %s " RULES_TABLE " %s %s comment \"%s\"\n",
		 rule->at_head ? "insert" : "add", rule_list_family(comparison->wanted),
		 chain, rule_written_text(rule), comment);
}

static void replacement_text(struct attachment *att, const struct comparison *comparison,
			     struct text *batch)
{
	const char *family = rule_list_family(comparison->wanted);

	for (size_t i = 0; i < comparison->stale_n; i++)
		text_add(batch, "delete rule %s " RULES_TABLE " %s handle %" PRIu64 "\n",
			 family, comparison->stale[i].chain, comparison->stale[i].handle);
	for (size_t i = 0; i < comparison->wanted->n; i++)
		if (!comparison->wanted->items[i].present)
			chain_text(att, family, &comparison->wanted->items[i], batch);
	for (size_t i = 0; i < comparison->wanted->n; i++)
		if (!comparison->wanted->items[i].present)
			rule_text(att, comparison, &comparison->wanted->items[i], batch);
}

static int replace_once(struct attachment *att, struct comparison *comparison,
			struct cni_error *err)
{
	const struct rule_list *wanted = comparison->wanted;
	const char *family = rule_list_family(wanted);
	int protocol = rule_list_protocol(wanted), ret = 0;
	struct text batch = {};
	size_t own;

	text_add(&batch, "add table %s " RULES_TABLE "\n%s", family,
		 wanted->set_commands.len > 0 ? wanted->set_commands.text : "");
	batch.failed |= wanted->set_commands.failed;
	if (wanted->fill)
		ret = wanted->fill(att, &batch, err);
	if (ret == 0 && comparison_regroup(comparison) < 0)
		ret = error_oom(err);
	replacement_text(att, comparison, &batch);
	/* The last rule by name goes, and with it the sets that it may have looked
	 * into. */
	if (ret == 0 && comparison->by_name_n > 0 && comparison->by_name_others_n == 0 &&
	    !comparison->keep_by_name)
		ret = rules_sets_delete(att, protocol, family, comparison->by_name,
					&batch, err);
	own = batch.len;
	if (ret == 0)
		ret = rules_retire_others(att, protocol, family, &batch, err);
	comparison->retires = batch.len > own;
	if (ret == 0)
		ret = batch.failed ? error_oom(err)
				   : nft_apply(batch.text, att->op->node.lock_fd, err);
	free(batch.text);
	return ret;
}

/* The kernel's errno is told only in nft's words. */
static bool has_words(const struct cni_error *err, const char *words)
{
	return strstr(err->msg, words) || strstr(err->details, words);
}

/* Something that the transaction names, or that was there when nft looked, is gone; or
 * the kernel doesn't have an expression at all. */
static bool is_lost_to_kernel(const struct cni_error *err)
{
	return has_words(err, "No such file or directory");
}

/* @last: it has been tried several times, so that it is not somebody's deletions that the
 * kernel tells of. */
static bool is_unknown_to_kernel(const struct cni_error *err, bool last)
{
	return err->code == CNI_ERR_RULES && (has_words(err, "Operation not supported") ||
					      (last && is_lost_to_kernel(err)));
}

static int replace(struct attachment *att, struct comparison *comparison,
		   struct rule_list *wanted, bool last, struct cni_error *err)
{
	struct cni_error own = {};
	int ret = replace_once(att, comparison, &own);

	while (ret < 0 && wanted->fall_back && is_unknown_to_kernel(&own, last)) {
		int (*fall_back)(const struct attachment *att, struct rule_list *list,
				 struct cni_error *err) = wanted->fall_back;

		error_clear(&own);
		/* Each way is tried once. It names the next one itself. */
		wanted->fall_back = NULL;
		ret = fall_back(att, wanted, &own);
		if (ret == 0)
			ret = replace_once(att, comparison, &own);
	}
	if (ret < 0) {
		error_copy(err, &own);
		return ret;
	}
	ipam_note_owner(&att->ipam_env, att->network);
	report_done(att, "%s: the rules in table %s " RULES_TABLE, comparison->stage,
		    rule_list_family(wanted));
	if (wanted->former_sets)
		rules_drop_sets(att, rule_list_protocol(wanted), wanted->former_sets);
	return 0;
}

/* Compares again, now that the caller has the exclusive lock. An earlier version's rules
 * (rules_by_name.h) are not stale where a pod of another owner still needs them. */
static int compare_exclusively(struct attachment *att, struct comparison *comparison,
			       struct cni_error *err)
{
	int ret = comparison_read(att, comparison, err);

	if (ret < 0 || comparison->by_name_n == 0)
		return ret;
	ret = rules_by_name_in_use(att, &comparison->keep_by_name, err);
	return ret == 0 && comparison->keep_by_name
		       ? comparison_read(att, comparison, err)
		       : ret;
}

/* A kernel without nf_tables has no rules, and none are wanted. */
static int compare_first(struct attachment *att, struct comparison *comparison,
			 struct cni_error *err)
{
	const struct rule_list *wanted = comparison->wanted;
	int ret = comparison_read_first(att, comparison, err);

	for (size_t i = 0; i < wanted->n; i++)
		if (!wanted->items[i].tolerated)
			return ret;
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

int rules_compare(struct attachment *att, const char *stage, struct rule_list *wanted,
		  bool *ret_settled, struct cni_error *err)
{
	_cleanup_(comparison_clear) struct comparison comparison = {.stage = stage,
								    .wanted = wanted};
	int ret = compare_first(att, &comparison, err);

	*ret_settled = comparison_is_settled(&comparison);
	return ret;
}

/* Whoever takes no lock of ours may delete meanwhile what the transaction deletes or
 * names, and so make it fail: it is tried again, for what is there then. */
static int replace_racing(struct attachment *att, struct comparison *comparison,
			  struct rule_list *wanted, struct cni_error *err)
{
	struct cni_error own = {};
	int ret = replace(att, comparison, wanted, false, &own);

	for (int i = 1;
	     i <= RACES_MAX && ret < 0 && own.code == CNI_ERR_RULES &&
	     (comparison->stale_n > 0 || comparison->retires || is_lost_to_kernel(&own));
	     i++) {
		error_clear(&own);
		ret = comparison_read(att, comparison, &own);
		if (ret == 0 && comparison_is_settled(comparison))
			return 0;
		if (ret == 0)
			ret = replace(att, comparison, wanted, i == RACES_MAX, &own);
	}
	wanted->replaced = ret == 0;
	if (ret < 0)
		error_copy(err, &own);
	return ret;
}

int rules_ensure(struct attachment *att, const char *stage, struct rule_list *wanted,
		 struct cni_error *err)
{
	_cleanup_(comparison_clear) struct comparison comparison = {
		.stage = stage, .wanted = wanted, .glance = wanted->glance};
	int ret = compare_first(att, &comparison, err);
	bool settled = comparison_is_settled(&comparison);

	comparison.glance = NULL;
	if (ret < 0 || settled)
		return ret;
	ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = compare_exclusively(att, &comparison, err);
	if (ret < 0 || comparison_is_settled(&comparison))
		return ret;
	if (wanted->complete) {
		ret = wanted->complete(att, wanted, err);
		if (ret == 0)
			ret = comparison_read(att, &comparison, err);
	}
	if (ret < 0 || comparison_is_settled(&comparison))
		return ret;
	return replace_racing(att, &comparison, wanted, err);
}

static const char *what_helps(const struct rule_list *wanted, const struct rule *rule)
{
	return wanted->glance && strcmp(wanted->glance, rule->chain->name) != 0
		       ? "`bridge-cni repair` puts it right"
		       : "`bridge-cni repair` puts it right, as does the next ADD with "
			 "this configuration";
}

int rules_check(struct attachment *att, const char *stage, struct rule_list *wanted,
		struct cni_error *err)
{
	_cleanup_(comparison_clear) struct comparison comparison = {.stage = stage,
								    .wanted = wanted};
	int ret = comparison_read(att, &comparison, err);

	if (ret == 0 && comparison.disordered && !comparison.newer)
		ret = error_set(err, CNI_ERR_CHECK, EINVAL,
				"%s: expected in chain %s of table %s " RULES_TABLE
				" the rule \"%s\" behind those that it follows, found "
				"it before them; %s",
				stage, comparison.disordered->chain->name,
				rule_list_family(wanted), comparison.disordered->text,
				what_helps(wanted, comparison.disordered));
	for (size_t i = 0; ret == 0 && i < wanted->n; i++) {
		const struct rule *rule = &wanted->items[i];

		if (rule->present || rule->tolerated || comparison.newer)
			continue;
		ret = error_set(err, CNI_ERR_CHECK, ENOENT,
				"%s: expected in chain %s of table %s " RULES_TABLE
				" the rule \"%s\", found %s; %s",
				stage, rule->chain->name, rule_list_family(wanted),
				rule->text, comparison.stale_n ? "another one" : "none",
				what_helps(wanted, rule));
	}
	return ret;
}

int rules_look(struct attachment *att, const char *stage, struct rule_list *wanted,
	       struct rules_state *ret_state, struct cni_error *err)
{
	_cleanup_(comparison_clear) struct comparison comparison = {.stage = stage,
								    .wanted = wanted};
	struct rules_state state = {};
	int ret = comparison_read(att, &comparison, err);

	for (size_t i = 0; ret == 0 && i < wanted->n; i++) {
		const struct rule *rule = &wanted->items[i];

		if (rule->tolerated)
			continue;
		state.expected++;
		/* A newer version's rules are another number, and are right. */
		if (rule->present || comparison.newer)
			state.present++;
		else
			text_add(&state.missing, "%s: %s\n", rule->chain->name,
				 rule->text);
	}
	*ret_state = state;
	return ret;
}
