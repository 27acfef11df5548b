/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds what is an owner's in the tables, and removes it in one transaction. */
#include "rules_remove.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "flowtable.h"
#include "isolate_sets.h"
#include "nft.h"
#include "plugin/netlink/nf_tables.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "plugin/node/node.h"
#include "rule_deletions.h"
#include "rules_by_name.h"
#include "rules_owner.h"

/* The contents of one table. Its dump may start again: then only the last run counts. */
struct removal {
	const char *family; /* nft's word */
	uint64_t owner, by_name;
	bool keep_by_name; /* others use what an earlier version made (rules_by_name.h) */
	struct rule_deletions rules;
	struct text sets;
	size_t rules_n, other_rules, sets_n, other_sets;
	bool exists;
};

static bool goes(const struct removal *removal, uint64_t owner)
{
	return owner == removal->owner ||
	       (owner == removal->by_name && !removal->keep_by_name);
}

/* Rules that all owners share go with the table. */
static int rule_found(const char *chain, uint64_t handle, const char *comment, void *data)
{
	struct removal *removal = data;
	struct rules_comment read;
	bool has_owner = handle != 0 && rules_comment_read(comment, &read);

	if (handle == 0) {
		rule_deletions_reset(&removal->rules);
		removal->rules_n = removal->other_rules = 0;
	} else if (has_owner && goes(removal, read.owner)) {
		removal->rules_n++;
		rule_deletions_add(&removal->rules, removal->family, chain, handle);
	} else if (!has_owner || read.owner != RULES_SHARED_OWNER) {
		removal->other_rules++;
	}
	return 0;
}

static int set_found(const char *name, void *data)
{
	struct removal *removal = data;
	uint64_t owner;

	if (!name) {
		text_cut(&removal->sets, 0);
		removal->sets_n = removal->other_sets = 0;
	} else if (!rules_name_owner(name, &owner)) {
		return 0;
	} else if (goes(removal, owner)) {
		removal->sets_n++;
		text_add(&removal->sets, "delete set %s " RULES_TABLE " %s\n",
			 removal->family, name);
	} else {
		removal->other_sets++;
	}
	return 0;
}

static int removal_text(struct attachment *att, const struct removal *removal,
			struct text *text, struct cni_error *err)
{
	if (!removal->exists)
		return 0;
	if (removal->other_rules + removal->other_sets == 0) {
		text_add(text, "delete table %s " RULES_TABLE "\n", removal->family);
		return 0;
	}
	/* Rules go first: a set that one looks into can't be deleted. */
	rule_deletions_write(&removal->rules, text);
	text_append(text, &removal->sets);
	return removal->sets_n > 0 ? isolate_leave(att, removal->owner, text, err) : 0;
}

static int table_compare(struct attachment *att, int protocol, const char *family,
			 bool keep_by_name, struct text *text, struct cni_error *err)
{
	struct removal removal = {
		.family = family,
		.owner = att->owner,
		.by_name = identity_owner_by_name(att->network->name),
		.keep_by_name = keep_by_name,
	};
	struct nft_probes none = {};
	struct netlink *nl;
	int ret;

	ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0)
		ret = nft_table_rules(nl, protocol, RULES_TABLE, NULL, &none, rule_found,
				      &removal, err);
	if (ret == 0)
		ret = nft_table_sets(nl, protocol, RULES_TABLE, set_found, &removal, err);
	if (ret == 0)
		ret = nft_exists(nl, protocol, RULES_TABLE, NULL, &removal.exists, err);
	if (ret == 0)
		ret = removal_text(att, &removal, text, err);
	rule_deletions_clear(&removal.rules);
	free(removal.sets.text);
	/* A kernel without nf_tables, or this family of it, has no rules. */
	return ret == -EPROTONOSUPPORT || ret == -EINVAL ? error_clear(err) : ret;
}

struct sets {
	const char *family;
	char suffix[20]; /* "_OWNER" */
	struct text text;
};

static int set_note(const char *name, void *data)
{
	struct sets *sets = data;
	const char *end = name ? strrchr(name, '_') : NULL;

	if (!name)
		text_cut(&sets->text, 0);
	else if (end && strcmp(end, sets->suffix) == 0)
		text_add(&sets->text, "delete set %s " RULES_TABLE " %s\n", sets->family,
			 name);
	return 0;
}

int rules_sets_delete(struct attachment *att, int protocol, const char *family,
		      uint64_t owner, struct text *text, struct cni_error *err)
{
	struct sets sets = {.family = family};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	snprintf(sets.suffix, sizeof(sets.suffix), "_%016" PRIx64, owner);
	if (ret == 0)
		ret = nft_table_sets(nl, protocol, RULES_TABLE, set_note, &sets, err);
	if (ret == 0 && sets.text.len > 0)
		text_add(text, "%s", sets.text.text);
	text->failed |= sets.text.failed;
	free(sets.text.text);
	return ret;
}

void rules_drop_sets(struct attachment *att, int family, const char *const *names)
{
	struct netlink *nl;

	if (node_nftables(&att->op->node, &nl, NULL) < 0)
		return;
	for (; *names; names++) {
		struct nft_set set = {.family = family, .table = RULES_TABLE};

		snprintf(set.name, sizeof(set.name), "%s", *names);
		(void)nft_set_del(nl, &set, NULL);
	}
}

int rules_remove(struct attachment *att, bool *ret_removed, struct cni_error *err)
{
	struct text text = {};
	bool keep_by_name;
	int ret = rules_by_name_in_use(att, &keep_by_name, err);

	if (ret == 0)
		ret = table_compare(att, NFPROTO_INET, "inet", keep_by_name, &text, err);
	if (ret == 0)
		ret = table_compare(att, NFPROTO_BRIDGE, "bridge", keep_by_name, &text,
				    err);
	if (ret == 0 && text.failed)
		ret = error_oom(err);
	if (ret == 0 && text.len > 0) {
		ret = nft_apply(text.text, att->op->node.lock_fd, err);
		*ret_removed = ret == 0;
		rules_drop_flowtable(att);
	}
	free(text.text);
	return ret;
}
