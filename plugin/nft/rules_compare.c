/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds the rules of a table against those that a stage wants, by their comments. */
#include "rules_compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/attachment/rules_seen.h"
#include "plugin/node/node.h"

void comparison_clear(struct comparison *comparison)
{
	free(comparison->stale);
}

/* Do the comment's hashes say that its rule is the wanted one? */
static bool is_text_of(const struct rule *rule, const struct rules_comment *comment)
{
	if (rule->exact && comment->written != rule_written_hash(rule))
		return false;
	return rule_fingerprint(rule, rule->text) == comment->print ||
	       (rule->alternative &&
		rule_fingerprint(rule, rule->alternative) == comment->print);
}

/* The wanted rule that this comment is of; NULL: none. */
static struct rule *wanted_find(const struct comparison *comparison,
				const struct rules_comment *comment)
{
	for (size_t i = 0; i < comparison->wanted->n; i++) {
		struct rule *rule = &comparison->wanted->items[i];

		if (rule->shared == (comment->owner == RULES_SHARED_OWNER) &&
		    strcmp(rule->kind, comment->kind) == 0 && is_text_of(rule, comment))
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

/* Counts a rule of the earlier version. True: it is to be deleted. */
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

static int kept_note(struct rule_list *wanted, const struct rules_comment *comment,
		     bool *ret_kept)
{
	uint64_t *grown;

	*ret_kept = wanted->kept_kinds[0] && strncmp(comment->kind, wanted->kept_kinds,
						     strlen(wanted->kept_kinds)) == 0;
	if (!*ret_kept)
		return 0;
	grown = reallocarray(wanted->kept_prints, wanted->kept_n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	wanted->kept_prints = grown;
	grown[wanted->kept_n++] = comment->print;
	return 0;
}

/* Notes a rule of ours. @ret_stale: it is to be deleted. */
static int rule_note(struct comparison *comparison, const struct rules_comment *comment,
		     uint64_t handle, bool *ret_stale)
{
	struct rule *wanted;
	bool kept = false;
	int ret = 0;

	*ret_stale = false;
	if (comment->version == RULES_VERSION_BY_NAME) {
		*ret_stale = by_name_note(comparison, comment);
		return 0;
	}
	if ((comment->owner != comparison->owner &&
	     comment->owner != RULES_SHARED_OWNER) ||
	    strcmp(comment->stage, comparison->stage) != 0)
		return 0;
	comparison->newer |= comment->version > RULES_VERSION;
	if (comment->version != RULES_VERSION)
		return 0;
	wanted = wanted_find(comparison, comment);
	if (wanted && !wanted->present) {
		wanted->present = true;
		wanted->handle = handle;
		wanted->place = comparison->rules_n;
		return 0;
	}
	if (!wanted)
		ret = kept_note(comparison->wanted, comment, &kept);
	*ret_stale = !kept;
	return ret;
}

static void comparison_reset(struct comparison *comparison)
{
	comparison->stale_n = comparison->by_name_n = comparison->by_name_others_n = 0;
	comparison->newer = false;
	comparison->rules_n = 0;
	comparison->wanted->kept_n = 0;
	for (size_t i = 0; i < comparison->wanted->n; i++)
		comparison->wanted->items[i].present = false;
}

/* May any stage of the owner go by the rule? */
static bool concerns(const struct comparison *comparison,
		     const struct rules_comment *comment)
{
	return comment->owner == comparison->owner ||
	       comment->owner == RULES_SHARED_OWNER ||
	       comment->version == RULES_VERSION_BY_NAME;
}

static int compare_rule(const char *chain, uint64_t handle, const char *comment,
			void *data)
{
	struct comparison *comparison = data;
	struct rules_comment read;
	bool stale;
	int ret;

	if (handle == 0) {
		comparison_reset(comparison);
		return comparison->keep ? rules_seen_note(comparison->keep, "", 0, "")
					: 0;
	}
	comparison->rules_n++;
	if (!rules_comment_read(comment, &read))
		return 0;
	if (comparison->keep && concerns(comparison, &read)) {
		ret = rules_seen_note(comparison->keep, chain, handle, comment);
		if (ret < 0)
			return ret;
	}
	ret = rule_note(comparison, &read, handle, &stale);
	return ret == 0 && stale ? stale_note(comparison, chain, handle) : ret;
}

/* Returns the next wanted rule behind @rule that is there, in the same chain and of the
 * same owner; NULL: none. */
static struct rule *next_present(const struct rule_list *wanted, const struct rule *rule)
{
	for (size_t i = rule - wanted->items + 1; i < wanted->n; i++)
		if (wanted->items[i].present && wanted->items[i].chain == rule->chain &&
		    wanted->items[i].shared == rule->shared)
			return &wanted->items[i];
	return NULL;
}

static const struct rule *disorder_find(const struct rule_list *wanted)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const struct rule *rule = &wanted->items[i], *next;

		if (!rule->chain->in_order || !rule->present)
			continue;
		next = next_present(wanted, rule);
		if (next && next->place < rule->place)
			return next;
	}
	return NULL;
}

/* Makes all present rules of the chain of @rule stale. */
static int group_stale(struct comparison *comparison, const struct rule *rule)
{
	char chain[RULES_CHAIN_MAX];
	int ret = 0;

	rule_chain_name(rule, comparison->owner, chain);
	for (size_t i = 0; ret == 0 && i < comparison->wanted->n; i++) {
		struct rule *other = &comparison->wanted->items[i];

		if (other->chain != rule->chain || other->shared != rule->shared ||
		    !other->present)
			continue;
		ret = stale_note(comparison, chain, other->handle);
		other->present = false;
	}
	return ret;
}

int comparison_regroup(struct comparison *comparison)
{
	int ret = comparison->disordered ? group_stale(comparison, comparison->disordered)
					 : 0;

	for (size_t i = 0; ret == 0 && i < comparison->wanted->n; i++) {
		const struct rule *rule = &comparison->wanted->items[i];

		if (rule->chain->in_order && !rule->present)
			ret = group_stale(comparison, rule);
	}
	return ret;
}

int comparison_read(struct attachment *att, struct comparison *comparison,
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
		ret = nft_table_rules(nl, rule_list_protocol(wanted), RULES_TABLE,
				      comparison->glance, &sentinels, compare_rule,
				      comparison, err);
	comparison->emptied = sentinels.found < sentinels.n;
	comparison->disordered = disorder_find(wanted);
	return ret;
}

/* Looks for the sentinels alone. */
static int sentinels_find(struct attachment *att, const struct rule_list *wanted,
			  bool *ret_emptied, struct cni_error *err)
{
	struct nft_element found;
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	for (size_t i = 0; ret == 0 && i < wanted->sentinels_n; i++)
		ret = nft_element_get(nl, &wanted->sentinels[i].set,
				      &wanted->sentinels[i].key, &found, err);
	*ret_emptied = ret == NFT_NO_ELEMENT;
	return ret < 0 ? ret : 0;
}

int comparison_read_first(struct attachment *att, struct comparison *comparison,
			  struct cni_error *err)
{
	struct rules_seen *seen = att->rules_seen;
	int ret;

	if (!seen || comparison->wanted->family)
		return comparison_read(att, comparison, err);
	if (!rules_seen_serve(seen, att->op->node.gaps)) {
		seen->known = false;
		comparison->keep = seen;
		ret = comparison_read(att, comparison, err);
		comparison->keep = NULL;
		seen->known = ret == 0;
		seen->gaps = att->op->node.gaps;
		return ret;
	}
	comparison->owner = att->owner;
	comparison->by_name = identity_owner_by_name(att->network->name);
	ret = rules_seen_each(seen, compare_rule, comparison);
	if (ret < 0)
		return error_oom(err);
	comparison->disordered = disorder_find(comparison->wanted);
	return sentinels_find(att, comparison->wanted, &comparison->emptied, err);
}

bool comparison_is_settled(const struct comparison *comparison)
{
	if (comparison->newer)
		return true;
	for (size_t i = 0; i < comparison->wanted->n; i++) {
		const struct rule *rule = &comparison->wanted->items[i];

		if (!rule->present && !rule->tolerated &&
		    (!comparison->glance ||
		     strcmp(rule->chain->name, comparison->glance) == 0))
			return false;
	}
	return comparison->stale_n == 0 && !comparison->emptied &&
	       !comparison->disordered;
}
