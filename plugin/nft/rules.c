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

#define RACES_MAX 5 /* with somebody who flushes tables */

void rule_list_clear(struct rule_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].text);
		free(list->items[i].other);
		free(list->items[i].written);
	}
	free(list->items);
	free(list->sets);
	free(list->sentinels);
	free(list->lasting_prints);
	*list = (struct rule_list){};
}

int rule_list_sentinels(struct rule_list *list, const struct nft_element *elements,
			size_t n, struct cni_error *err)
{
	list->sentinels = calloc(n, sizeof(*list->sentinels));
	if (!list->sentinels)
		return error_oom(err);
	for (size_t i = 0; i < n; i++) {
		snprintf(list->sentinels[i].set, NFT_NAME_MAX, "%s",
			 elements[i].set->name);
		list->sentinels[i].key = elements[i].key;
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
struct survey {
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

static void survey_clear(struct survey *survey)
{
	free(survey->stale);
}

/* The wanted rule that this comment is of; NULL: none. */
static struct rule *wanted_find(const struct survey *survey,
				const struct rules_comment *comment)
{
	for (size_t i = 0; i < survey->wanted->n; i++) {
		struct rule *rule = &survey->wanted->items[i];

		if (strcmp(rule->kind, comment->kind) == 0 &&
		    (rules_fingerprint(rule, rule->text) == comment->print ||
		     (rule->other &&
		      rules_fingerprint(rule, rule->other) == comment->print)))
			return rule;
	}
	return NULL;
}

static int stale_note(struct survey *survey, const char *chain, uint64_t handle)
{
	struct stale *stale;

	stale = reallocarray(survey->stale, survey->stale_n + 1, sizeof(*stale));
	if (!stale)
		return -ENOMEM;
	survey->stale = stale;
	stale = &stale[survey->stale_n++];
	snprintf(stale->chain, sizeof(stale->chain), "%s", chain);
	stale->handle = handle;
	return 0;
}

/* Is it to go? */
static bool by_name_note(struct survey *survey, const struct rules_comment *comment)
{
	bool own = strcmp(comment->stage, survey->stage) == 0;

	if (comment->network != survey->by_name)
		return false;
	survey->by_name_n += own;
	survey->by_name_others_n += !own;
	return own && !survey->keep_by_name;
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
static int is_stale(struct survey *survey, const struct rules_comment *comment)
{
	struct rule *wanted;
	int ret;

	if (comment->version == RULES_VERSION_BY_NAME)
		return by_name_note(survey, comment);
	if (comment->owner != survey->owner || strcmp(comment->stage, survey->stage) != 0)
		return 0;
	survey->newer |= comment->version > RULES_VERSION;
	if (comment->version != RULES_VERSION)
		return 0;
	wanted = wanted_find(survey, comment);
	if (wanted && !wanted->present) {
		wanted->present = true;
		return 0;
	}
	ret = wanted ? 0 : lasting_note(survey->wanted, comment);
	return ret < 0 ? ret : !ret;
}

static void survey_begin(struct survey *survey)
{
	survey->stale_n = survey->by_name_n = survey->by_name_others_n = 0;
	survey->newer = false;
	survey->wanted->lasting_n = 0;
	for (size_t i = 0; i < survey->wanted->n; i++)
		survey->wanted->items[i].present = false;
}

static int survey_rule(const char *chain, uint64_t handle, const char *comment,
		       void *data)
{
	struct survey *survey = data;
	struct rules_comment read;
	int ret;

	if (handle == 0) {
		survey_begin(survey);
		return 0;
	}
	if (!rules_comment_read(comment, &read))
		return 0;
	ret = is_stale(survey, &read);
	return ret > 0 ? stale_note(survey, chain, handle) : ret;
}

static const char *table_family(const struct rule_list *list)
{
	return list->family ? list->family : "inet";
}

static int table_protocol(const struct rule_list *list)
{
	return list->family ? NFPROTO_BRIDGE : NFPROTO_INET;
}

static int survey_take(struct attachment *att, struct survey *survey,
		       struct cni_error *err)
{
	const struct rule_list *wanted = survey->wanted;
	struct nft_probes sentinels = {wanted->sentinels, wanted->sentinels_n, 0};
	struct netlink *nl;
	int ret;

	survey->owner = att->conf.owner;
	survey->by_name = rules_owner_by_name(&att->conf);
	ret = node_nftables(att->node, &nl, err);
	if (ret == 0)
		ret = nft_table_rules(nl, table_protocol(wanted), RULES_TABLE, &sentinels,
				      survey_rule, survey, err);
	survey->emptied = sentinels.found < sentinels.n;
	return ret;
}

static bool is_settled(const struct survey *survey)
{
	if (survey->newer)
		return true;
	for (size_t i = 0; i < survey->wanted->n; i++)
		if (!survey->wanted->items[i].present &&
		    !survey->wanted->items[i].optional)
			return false;
	return survey->stale_n == 0 && !survey->emptied;
}

static void replacement_text(struct attachment *att, const struct survey *survey,
			     struct text *batch)
{
	const char *family = table_family(survey->wanted);
	char comment[NFT_COMMENT_MAX];

	for (size_t i = 0; i < survey->stale_n; i++)
		text_add(batch, "delete rule %s " RULES_TABLE " %s handle %" PRIu64 "\n",
			 family, survey->stale[i].chain, survey->stale[i].handle);
	for (size_t i = 0; i < survey->wanted->n; i++) {
		const struct rule *rule = &survey->wanted->items[i];

		if (rule->present)
			continue;
		rules_comment_format(&att->conf, survey->stage, rule->kind,
				     rules_fingerprint(rule, rule->text), comment);
		text_add(batch, "add chain %s " RULES_TABLE " %s", family,
			 rule->chain->name);
		if (rule->chain->hook)
			text_add(batch, " { %s; }", rule->chain->hook);
		text_add(batch, "\n%s rule %s " RULES_TABLE " %s %s comment \"%s\"\n",
			 rule->at_head ? "insert" : "add", family, rule->chain->name,
			 rule->written ? rule->written : rule->text, comment);
	}
}

static int replace_once(struct attachment *att, struct survey *survey,
			struct cni_error *err)
{
	struct text batch = {};
	size_t without;
	int ret = 0;

	text_add(&batch, "add table %s " RULES_TABLE "\n%s", table_family(survey->wanted),
		 survey->wanted->sets ? survey->wanted->sets : "");
	if (survey->wanted->fill)
		ret = survey->wanted->fill(att, &batch, err);
	replacement_text(att, survey, &batch);
	/* The last rule by name goes, and with it the sets that it may have looked into. */
	if (ret == 0 && survey->by_name_n > 0 && survey->by_name_others_n == 0 &&
	    !survey->keep_by_name)
		ret = rules_sets_delete(att, table_protocol(survey->wanted),
					table_family(survey->wanted), survey->by_name,
					&batch, err);
	without = batch.len;
	if (ret == 0)
		ret = rules_retire_others(att, table_protocol(survey->wanted),
					  table_family(survey->wanted), &batch, err);
	survey->retires = batch.len > without;
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

static int replace(struct attachment *att, struct survey *survey,
		   struct rule_list *wanted, struct cni_error *err)
{
	int ret = replace_once(att, survey, err);

	if (ret < 0 && wanted->without && is_unknown_to_kernel(err)) {
		error_clear(err);
		ret = wanted->without(att, wanted, err);
		/* Once is enough, and tried again it would be the same. */
		wanted->without = NULL;
		if (ret == 0)
			ret = replace_once(att, survey, err);
	}
	if (ret < 0)
		return ret;
	report_done(att, "%s: the rules in table %s " RULES_TABLE, survey->stage,
		    table_family(wanted));
	if (wanted->former_sets)
		rules_drop_sets(att, wanted->former_sets);
	return 0;
}

/* Takes the survey under the exclusive lock. Rules by name that another owner needs are no
 * longer stale in it. */
static int survey_exclusively(struct attachment *att, struct survey *survey,
			      struct cni_error *err)
{
	int ret = survey_take(att, survey, err);

	if (ret < 0 || survey->by_name_n == 0)
		return ret;
	ret = rules_by_name_in_use(att, &survey->keep_by_name, err);
	return ret == 0 && survey->keep_by_name ? survey_take(att, survey, err) : ret;
}

/* A kernel without nf_tables has no rules, and none are wanted. */
static int survey_first(struct attachment *att, struct survey *survey,
			struct cni_error *err)
{
	const struct rule_list *wanted = survey->wanted;
	int ret = survey_take(att, survey, err);

	for (size_t i = 0; i < wanted->n; i++)
		if (!wanted->items[i].optional)
			return ret;
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

int rules_survey(struct attachment *att, const char *stage, struct rule_list *wanted,
		 bool *ret_settled, struct cni_error *err)
{
	_cleanup_(survey_clear) struct survey survey = {.stage = stage, .wanted = wanted};
	int ret = survey_first(att, &survey, err);

	*ret_settled = is_settled(&survey);
	return ret;
}

int rules_ensure(struct attachment *att, const char *stage, struct rule_list *wanted,
		 struct cni_error *err)
{
	_cleanup_(survey_clear) struct survey survey = {.stage = stage, .wanted = wanted};
	int ret;

	ret = survey_first(att, &survey, err);
	if (ret < 0 || is_settled(&survey))
		return ret;
	ret = node_lock(att->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = survey_exclusively(att, &survey, err);
	if (ret < 0 || is_settled(&survey))
		return ret;
	if (wanted->complete) {
		ret = wanted->complete(att, wanted, err);
		if (ret == 0)
			ret = survey_take(att, &survey, err);
	}
	if (ret < 0 || is_settled(&survey))
		return ret;
	for (int i = 0;; i++) {
		ret = replace(att, &survey, wanted, err);
		wanted->replaced = ret == 0;
		if (ret == 0 || err->code != CNI_ERR_RULES || i == RACES_MAX ||
		    (survey.stale_n == 0 && !survey.retires))
			return ret;
		/* Who takes no lock of ours may have deleted what was to be deleted. */
		error_clear(err);
		ret = survey_take(att, &survey, err);
		if (ret < 0 || is_settled(&survey))
			return ret;
	}
}

int rules_check(struct attachment *att, const char *stage, struct rule_list *wanted,
		struct cni_error *err)
{
	_cleanup_(survey_clear) struct survey survey = {.stage = stage, .wanted = wanted};
	int ret = survey_take(att, &survey, err);

	for (size_t i = 0; ret == 0 && i < wanted->n; i++) {
		const struct rule *rule = &wanted->items[i];

		if (rule->present || rule->optional || survey.newer)
			continue;
		ret = error_set(err, CNI_ERR_CHECK, ENOENT,
				"%s: expected in chain %s of table %s " RULES_TABLE
				" the rule \"%s\", found %s; `bridge-cni repair` puts it "
				"right, as does the next ADD with this configuration",
				stage, rule->chain->name, table_family(wanted),
				rule->text, survey.stale_n ? "another one" : "none");
	}
	return ret;
}
