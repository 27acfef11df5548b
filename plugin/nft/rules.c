/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares an owner's rules with what it is to have, by their comments (rules_owner.h), and
 * replaces what differs in one transaction.
 */
#include "rules.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "nft.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/node/node.h"
#include "plugin/attachment/report.h"
#include "rules_retire.h"
#include "set_type.h"

#define RACES_MAX 5 /* with somebody who flushes tables */

void rule_list_clear(struct rule_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].text);
		free(list->items[i].other);
		free(list->items[i].written);
	}
	free(list->items);
	free(list->set_commands.text);
	free(list->sentinels);
	free(list->lasting_prints);
	*list = (struct rule_list){};
}

void rule_list_declare(struct rule_list *list, const struct nft_set *sets, size_t n,
		       const struct network *network)
{
	for (size_t i = 0; i < n; i++)
		set_declare(&sets[i], network->name, &list->set_commands);
}

int rule_list_watch(struct rule_list *list, const struct nft_set *sets, size_t n,
		    struct cni_error *err)
{
	list->sentinels = calloc(n, sizeof(*list->sentinels));
	if (!list->sentinels)
		return error_oom(err);
	for (size_t i = 0; i < n; i++) {
		struct nft_element sentinel;

		set_sentinel(&sets[i], &sentinel);
		list->sentinels[i] = (struct nft_probe){sets[i], sentinel.key};
	}
	list->sentinels_n = n;
	return 0;
}

uint64_t rules_fingerprint(const struct rule *rule, const char *text)
{
	return hash_text(text) ^ hash_text(rule->chain->name);
}

struct stale {
	char chain[NFT_NAME_MAX];
	uint64_t handle;
};

/* The table's rules, seen from one stage of one owner. */
struct comparison {
	const char *stage;
	uint64_t owner, by_name;
	struct rule_list *wanted;
	struct stale *stale; /* the stage's other rules */
	size_t stale_n;
	bool newer; /* a newer version's rules are there */
	bool keep_by_name; /* an earlier version's rules are not the stage's to replace */
	size_t by_name_n,
		by_name_others_n; /* of them: the stage's, and those of others */
	bool emptied; /* a set lacks its sentinel */
	bool retires; /* what is another owner's, and nobody needs, was to be deleted */
};

static void comparison_clear(struct comparison *comparison)
{
	free(comparison->stale);
}

/* The wanted rule that this comment is of; NULL: none. */
static struct rule *wanted_find(const struct comparison *comparison,
				const struct rules_comment *comment)
{
	for (size_t i = 0; i < comparison->wanted->n; i++) {
		struct rule *rule = &comparison->wanted->items[i];

		if (strcmp(rule->kind, comment->kind) == 0 &&
		    (rules_fingerprint(rule, rule->text) == comment->print ||
		     (rule->other &&
		      rules_fingerprint(rule, rule->other) == comment->print)))
			return rule;
	}
	return NULL;
}

static int stale_note(struct comparison *comparison, const char *chain, uint64_t handle)
{
	struct stale *stale;

	stale = reallocarray(comparison->stale, comparison->stale_n + 1, sizeof(*stale));
	if (!stale)
		return -ENOMEM;
	comparison->stale = stale;
	stale = &stale[comparison->stale_n++];
	snprintf(stale->chain, sizeof(stale->chain), "%s", chain);
	stale->handle = handle;
	return 0;
}

/* Is it to go? */
static bool by_name_note(struct comparison *comparison,
			 const struct rules_comment *comment)
{
	bool own = strcmp(comment->stage, comparison->stage) == 0;

	if (comment->network != comparison->by_name)
		return false;
	comparison->by_name_n += own;
	comparison->by_name_others_n += !own;
	return own && !comparison->keep_by_name;
}

/* 1: it is another attachment's, and stays. */
static int lasting_note(struct rule_list *wanted, const struct rules_comment *comment)
{
	uint64_t *grown;

	if (!wanted->lasting[0] ||
	    strncmp(comment->kind, wanted->lasting, strlen(wanted->lasting)) != 0)
		return 0;
	grown = reallocarray(wanted->lasting_prints, wanted->lasting_n + 1,
			     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	wanted->lasting_prints = grown;
	grown[wanted->lasting_n++] = comment->print;
	return 1;
}

/* 1: it is to go. */
static int is_stale(struct comparison *comparison, const struct rules_comment *comment)
{
	struct rule *wanted;
	int ret;

	if (comment->version == RULES_VERSION_BY_NAME)
		return by_name_note(comparison, comment);
	if (comment->owner != comparison->owner ||
	    strcmp(comment->stage, comparison->stage) != 0)
		return 0;
	comparison->newer |= comment->version > RULES_VERSION;
	if (comment->version != RULES_VERSION)
		return 0;
	wanted = wanted_find(comparison, comment);
	if (wanted && !wanted->present) {
		wanted->present = true;
		return 0;
	}
	ret = wanted ? 0 : lasting_note(comparison->wanted, comment);
	return ret < 0 ? ret : !ret;
}

static void comparison_reset(struct comparison *comparison)
{
	comparison->stale_n = comparison->by_name_n = comparison->by_name_others_n = 0;
	comparison->newer = false;
	comparison->wanted->lasting_n = 0;
	for (size_t i = 0; i < comparison->wanted->n; i++)
		comparison->wanted->items[i].present = false;
}

static int compare_rule(const char *chain, uint64_t handle, const char *comment,
			void *data)
{
	struct comparison *comparison = data;
	struct rules_comment read;
	int ret;

	if (handle == 0) {
		comparison_reset(comparison);
		return 0;
	}
	if (!rules_comment_read(comment, &read))
		return 0;
	ret = is_stale(comparison, &read);
	return ret > 0 ? stale_note(comparison, chain, handle) : ret;
}

static const char *table_family(const struct rule_list *list)
{
	return list->family ? list->family : "inet";
}

static int table_protocol(const struct rule_list *list)
{
	return list->family ? NFPROTO_BRIDGE : NFPROTO_INET;
}

static int comparison_read(struct attachment *att, struct comparison *comparison,
			   struct cni_error *err)
{
	const struct rule_list *wanted = comparison->wanted;
	struct nft_probes sentinels = {wanted->sentinels, wanted->sentinels_n, 0};
	struct netlink *nl;
	int ret;

	comparison->owner = att->owner;
	comparison->by_name = identity_owner_by_name(att->network->name);
	ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0)
		ret = nft_table_rules(nl, table_protocol(wanted), RULES_TABLE, &sentinels,
				      compare_rule, comparison, err);
	comparison->emptied = sentinels.found < sentinels.n;
	return ret;
}

static bool is_settled(const struct comparison *comparison)
{
	if (comparison->newer)
		return true;
	for (size_t i = 0; i < comparison->wanted->n; i++)
		if (!comparison->wanted->items[i].present &&
		    !comparison->wanted->items[i].optional)
			return false;
	return comparison->stale_n == 0 && !comparison->emptied;
}

static void replacement_text(struct attachment *att, const struct comparison *comparison,
			     struct text *batch)
{
	const char *family = table_family(comparison->wanted);
	char comment[NFT_COMMENT_MAX];

	for (size_t i = 0; i < comparison->stale_n; i++)
		text_add(batch, "delete rule %s " RULES_TABLE " %s handle %" PRIu64 "\n",
			 family, comparison->stale[i].chain, comparison->stale[i].handle);
	for (size_t i = 0; i < comparison->wanted->n; i++) {
		const struct rule *rule = &comparison->wanted->items[i];

		if (rule->present)
			continue;
		rules_comment_format(att->owner, att->network->name, comparison->stage,
				     rule->kind, rules_fingerprint(rule, rule->text),
				     comment);
		text_add(batch, "add chain %s " RULES_TABLE " %s", family,
			 rule->chain->name);
		if (rule->chain->hook)
			text_add(batch, " { %s; }", rule->chain->hook);
		text_add(batch, "\n%s rule %s " RULES_TABLE " %s %s comment \"%s\"\n",
			 rule->at_head ? "insert" : "add", family, rule->chain->name,
			 rule->written ? rule->written : rule->text, comment);
	}
}

static int replace_once(struct attachment *att, struct comparison *comparison,
			struct cni_error *err)
{
	struct text batch = {};
	size_t without;
	int ret = 0;

	text_add(&batch, "add table %s " RULES_TABLE "\n%s",
		 table_family(comparison->wanted),
		 comparison->wanted->set_commands.len > 0
			 ? comparison->wanted->set_commands.text
			 : "");
	batch.failed |= comparison->wanted->set_commands.failed;
	if (comparison->wanted->fill)
		ret = comparison->wanted->fill(att, &batch, err);
	replacement_text(att, comparison, &batch);
	/* The last rule by name goes, and with it the sets that it may have looked into. */
	if (ret == 0 && comparison->by_name_n > 0 && comparison->by_name_others_n == 0 &&
	    !comparison->keep_by_name)
		ret = rules_sets_delete(att, table_protocol(comparison->wanted),
					table_family(comparison->wanted),
					comparison->by_name, &batch, err);
	without = batch.len;
	if (ret == 0)
		ret = rules_retire_others(att, table_protocol(comparison->wanted),
					  table_family(comparison->wanted), &batch, err);
	comparison->retires = batch.len > without;
	if (ret == 0)
		ret = batch.failed ? error_oom(err) : nft_apply(batch.text, err);
	free(batch.text);
	return ret;
}

/* The kernel's errno is told only in nft's words. */
static bool is_unknown_to_kernel(const struct cni_error *err)
{
	return err->code == CNI_ERR_RULES &&
	       (strstr(err->msg, "Operation not supported") ||
		strstr(err->details, "Operation not supported"));
}

static int replace(struct attachment *att, struct comparison *comparison,
		   struct rule_list *wanted, struct cni_error *err)
{
	int ret = replace_once(att, comparison, err);

	if (ret < 0 && wanted->without && is_unknown_to_kernel(err)) {
		error_clear(err);
		ret = wanted->without(att, wanted, err);
		/* Once is enough, and tried again it would be the same. */
		wanted->without = NULL;
		if (ret == 0)
			ret = replace_once(att, comparison, err);
	}
	if (ret < 0)
		return ret;
	report_done(att, "%s: the rules in table %s " RULES_TABLE, comparison->stage,
		    table_family(wanted));
	if (wanted->former_sets)
		rules_drop_sets(att, wanted->former_sets);
	return 0;
}

/* Takes the comparison under the exclusive lock. Rules by name that another owner needs are no
 * longer stale in it. */
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
	int ret = comparison_read(att, comparison, err);

	for (size_t i = 0; i < wanted->n; i++)
		if (!wanted->items[i].optional)
			return ret;
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

int rules_compare(struct attachment *att, const char *stage, struct rule_list *wanted,
		  bool *ret_settled, struct cni_error *err)
{
	_cleanup_(comparison_clear) struct comparison comparison = {.stage = stage,
								    .wanted = wanted};
	int ret = compare_first(att, &comparison, err);

	*ret_settled = is_settled(&comparison);
	return ret;
}

int rules_ensure(struct attachment *att, const char *stage, struct rule_list *wanted,
		 struct cni_error *err)
{
	_cleanup_(comparison_clear) struct comparison comparison = {.stage = stage,
								    .wanted = wanted};
	int ret;

	ret = compare_first(att, &comparison, err);
	if (ret < 0 || is_settled(&comparison))
		return ret;
	ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = compare_exclusively(att, &comparison, err);
	if (ret < 0 || is_settled(&comparison))
		return ret;
	if (wanted->complete) {
		ret = wanted->complete(att, wanted, err);
		if (ret == 0)
			ret = comparison_read(att, &comparison, err);
	}
	if (ret < 0 || is_settled(&comparison))
		return ret;
	for (int i = 0;; i++) {
		ret = replace(att, &comparison, wanted, err);
		wanted->replaced = ret == 0;
		if (ret == 0 || err->code != CNI_ERR_RULES || i == RACES_MAX ||
		    (comparison.stale_n == 0 && !comparison.retires))
			return ret;
		/* Who takes no lock of ours may have deleted what was to be deleted. */
		error_clear(err);
		ret = comparison_read(att, &comparison, err);
		if (ret < 0 || is_settled(&comparison))
			return ret;
	}
}

int rules_check(struct attachment *att, const char *stage, struct rule_list *wanted,
		struct cni_error *err)
{
	_cleanup_(comparison_clear) struct comparison comparison = {.stage = stage,
								    .wanted = wanted};
	int ret = comparison_read(att, &comparison, err);

	for (size_t i = 0; ret == 0 && i < wanted->n; i++) {
		const struct rule *rule = &wanted->items[i];

		if (rule->present || rule->optional || comparison.newer)
			continue;
		ret = error_set(err, CNI_ERR_CHECK, ENOENT,
				"%s: expected in chain %s of table %s " RULES_TABLE
				" the rule \"%s\", found %s; `bridge-cni repair` puts it "
				"right, as does the next ADD with this configuration",
				stage, rule->chain->name, table_family(wanted),
				rule->text, comparison.stale_n ? "another one" : "none");
	}
	return ret;
}
