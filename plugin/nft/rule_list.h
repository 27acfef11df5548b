/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules that a stage wants to be there for an owner (identity_owner()), with the sets
 * that they look into. rules.h compares such a list with the kernel's rules, and makes it
 * so.
 */
#ifndef BRIDGE_CNI_PLUGIN_NFT_RULE_LIST_H
#define BRIDGE_CNI_PLUGIN_NFT_RULE_LIST_H

#include "plugin/attachment/attachment.h"
#include "conf/base/text.h"
#include "plugin/netlink/nf_tables.h"
#include "rules_owner.h"

/* A chain of the table. */
struct rules_chain {
	const char *name;
	/* nft's "type nat hook postrouting priority srcnat"; NULL: rules jump to it. */
	const char *hook;
	/* Each owner has a chain of its own: the owner is at the end of its name. */
	bool of_owner;
	/* The rules of an owner and a stage depend on their order: where one of them is
	 * missing, all of them are written anew. */
	bool in_order;
};

#define RULES_CHAIN_MAX 48 /* of a chain's name, with the owner at its end */

#define RULE_KIND_MAX RULES_WORD_MAX

/* A rule that an owner is to have. */
struct rule {
	const struct rules_chain *chain;
	char kind[RULE_KIND_MAX]; /* which of its stage's rules: "nat4" */
	/* it goes before the rules that its chain has, others behind them */
	bool at_head;
	char *text; /* the rule without its comment; owned */
	/* A rule of this text does as well where it is there; NULL: none does; owned. */
	char *alternative;
	/* The transaction writes this text in place of @text. The rule has the
	 * fingerprint of @text all the same. NULL: @text is written; owned. */
	char *text_to_write;
	/* and in this chain in place of @chain; NULL: in @chain */
	const struct rules_chain *chain_to_write;
	/* The rule's comment has a hash of the text that was written, too. Where that was
	 * another text than is written now, the rule is replaced, though its fingerprint
	 * is the same. */
	bool exact;
	bool tolerated; /* it stays where it is there, and isn't missing where it isn't */
	/* It belongs to no owner: all that have the stage's rules share it. It stays
	 * until the table goes. */
	bool shared;
	/* Is part of the fingerprint: a hash of other rules that are written with it. */
	uint64_t seal;
	bool present; /* found by the comparison ... */
	uint64_t handle; /* ... with this handle ... */
	size_t place; /* ... as the table's rule of this number */
};

/* The chain that the rule is written into. */
static inline const struct rules_chain *rule_chain(const struct rule *rule)
{
	return rule->chain_to_write ? rule->chain_to_write : rule->chain;
}

struct rule_list {
	struct rule *items;
	size_t n;
	const char *family; /* of the table: "bridge"; NULL: inet */

	/* Commands that come before the rules: they declare the sets that the rules
	 * name. */
	struct text set_commands;
	/*
	 * Adds commands that put into those sets what they are to hold for all pods of
	 * the owner, in the transaction that writes the rules: a killed ADD can't leave
	 * rules that know half of the pods. Called under the exclusive lock. NULL: none.
	 */
	int (*fill)(struct attachment *att, struct text *text, struct cni_error *err);
	/* The sentinels of the sets. Where a set lacks its own, all of them are filled
	 * again; owned. */
	struct nft_probe *sentinels;
	size_t sentinels_n;

	/* rules_ensure() looks at this chain's rules first, whose seals tell of all other
	 * rules, and at those only where one of them is missing. NULL: at all rules. */
	const char *glance;

	/* Rules are kept whose kinds begin with this text, because other attachments need
	 * them; "": no rules are. The comparison notes the fingerprints of those that it
	 * finds; owned. */
	char kept_kinds[RULE_KIND_MAX];
	uint64_t *kept_prints;
	size_t kept_n;

	/*
	 * Called under the exclusive lock, once the list has been compared and something
	 * is to be done: makes it the list of what is to be there now, without
	 * alternatives and without rules that are merely tolerated. NULL: the list is
	 * that already.
	 */
	int (*complete)(struct attachment *att, struct rule_list *list,
			struct cni_error *err);
	/* Called where the kernel doesn't know what one of the rules says: gives the
	 * rules texts and chains to write that it may know, and declares their sets. It
	 * sets this anew where there is a further way. NULL: there is none. */
	int (*fall_back)(const struct attachment *att, struct rule_list *list,
			 struct cni_error *err);
	/* Names of sets that an older version's rules looked into, with a NULL at the
	 * end. The sets are deleted once no rule of any owner looks into them. NULL:
	 * there were none. */
	const char *const *former_sets;
	/* by rules_ensure(): something was missing, or was of another text */
	bool replaced;
};
void rule_list_clear(struct rule_list *list);

/* nft's word for the family of the table, and the kernel's number. */
const char *rule_list_family(const struct rule_list *list);
int rule_list_protocol(const struct rule_list *list);

/* Has @n sets, which the rules look into, declared before the rules. */
void rule_list_declare(struct rule_list *list, const struct nft_set *sets, size_t n,
		       const struct network *network);

/* Has the sentinels of @n sets looked for whenever the rules are; code 100. */
int rule_list_watch(struct rule_list *list, const struct nft_set *sets, size_t n,
		    struct cni_error *err);

/* Makes those tolerated rules wanted ones that @needed says are needed, and leaves the
 * other tolerated ones out, so that they are deleted where they are there. */
void rule_list_settle(struct rule_list *list,
		      bool (*needed)(const struct rule *rule, const void *data),
		      const void *data);

/* Gives the name that the rule's chain has for @owner. */
void rule_chain_name(const struct rule *rule, uint64_t owner,
		     char ret_name[RULES_CHAIN_MAX]);

/* The fingerprint that the comment of a rule with this text has. */
uint64_t rule_fingerprint(const struct rule *rule, const char *text);

/* The text that the transaction writes. */
static inline const char *rule_written_text(const struct rule *rule)
{
	return rule->text_to_write ? rule->text_to_write : rule->text;
}

/* The hash of the written text, for the comment of an exact rule; 0: it isn't exact. */
uint64_t rule_written_hash(const struct rule *rule);

#endif
