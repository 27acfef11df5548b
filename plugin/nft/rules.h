/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An owner's rules in the tables bridge_cni (families inet and, against spoofing,
 * bridge): shared by its pods, constant in number. identity_owner() says who is an owner.
 * Each carries a comment that says whose it is and a fingerprint of what it says, so that
 * one short look tells whether anything is to be done.
 */
#ifndef BRIDGE_CNI_PLUGIN_NFT_RULES_H
#define BRIDGE_CNI_PLUGIN_NFT_RULES_H

#include "plugin/attachment/attachment.h"
#include "conf/base/text.h"
#include "plugin/netlink/nf_tables.h"
#include "rules_owner.h"

/* A chain of the table. */
struct rules_chain {
	const char *name;
	/* nft's "type nat hook postrouting priority srcnat"; NULL: rules jump to it. */
	const char *hook;
};

#define RULE_KIND_MAX RULES_WORD_MAX

/* One rule that a network is to have. */
struct rule {
	const struct rules_chain *chain;
	char kind[RULE_KIND_MAX]; /* which of its stage's rules: "nat4" */
	bool at_head; /* it goes before the rules that its chain has, others behind them */
	char *text; /* the rule without its comment, owned */
	char *other; /* a text that will do as well; NULL: there is none; owned */
	bool optional; /* it may be there or not */
	bool present; /* found: one of its texts is there */
	/* The text that is written instead, set by rule_list.complete or .without; NULL:
	 * none; owned. */
	char *written;
};

/* The fingerprint that the comment of a rule with this text has. */
uint64_t rules_fingerprint(const struct rule *rule, const char *text);

struct rule_list {
	struct rule *items;
	size_t n;
	const char *family; /* of the table: "bridge"; NULL: inet */
	/* Commands that come before the rules: they declare the sets that the rules name. */
	struct text set_commands;
	/* Adds nft commands that put into those sets what they are to hold for all pods of
	 * the network, in the transaction that writes the rules: a killed ADD can't leave
	 * rules that know half of them. Called under the exclusive lock. NULL: none. */
	int (*fill)(struct attachment *att, struct text *text, struct cni_error *err);
	/* Of sets that are filled again, all together, where one lacks its sentinel; owned. */
	struct nft_probe *sentinels;
	size_t sentinels_n;
	/* Rules of kinds that begin so are other attachments', and stay; "": there are none.
	 * And the fingerprints of those that were found, owned. */
	char lasting[RULE_KIND_MAX];
	uint64_t *lasting_prints;
	size_t lasting_n;
	/* Called before that, under the same lock, with what was found: makes it the list of
	 * what is to be now, without others and optional ones; what is written may differ
	 * from the texts that are compared. NULL: it is. */
	int (*complete)(struct attachment *att, struct rule_list *list,
			struct cni_error *err);
	/* Called where the kernel doesn't know what one of the rules says: gives them texts,
	 * of the same fingerprints, that it may know, and adds the sets of those. NULL: there
	 * are none. */
	int (*without)(const struct attachment *att, struct rule_list *list,
		       struct cni_error *err);
	/* Sets that an older version's rules looked into, up to NULL: deleted once no
	 * network's do. NULL: there were none. */
	const char *const *former_sets;
	bool replaced; /* by rules_ensure(): something was missing, or another's */
};
void rule_list_clear(struct rule_list *list);

/* Has @n sets, which the rules look into, declared before the rules. */
void rule_list_declare(struct rule_list *list, const struct nft_set *sets, size_t n,
		       const struct network *network);

/* Has the sentinels of @n sets looked for whenever the rules are; code 100. */
int rule_list_watch(struct rule_list *list, const struct nft_set *sets, size_t n,
		    struct cni_error *err);

/*
 * Makes the rules that @stage (its name) has for the network be those in @wanted, all at
 * once; with an empty list, none. Takes the node lock exclusively only where something is
 * to be changed. Rules that a newer version of this program wrote are left as they are.
 * Codes 11, 101, 105.
 */
int rules_ensure(struct attachment *att, const char *stage, struct rule_list *wanted,
		 struct cni_error *err);

/* Only looks whether that has something to do. Code 101. */
int rules_compare(struct attachment *att, const char *stage, struct rule_list *wanted,
		  bool *ret_settled, struct cni_error *err);

/*
 * Removes everything of the owner from both tables, whichever stage's: rules by their
 * comments, sets and maps by their names; the tables where nothing of others is left in
 * them. Under the exclusive lock.
 * @ret_removed: there was something. Codes 101, 105.
 */
int rules_remove(struct attachment *att, bool *ret_removed, struct cni_error *err);

/* Deletes those that no rule looks into; what keeps it from that is no error. */
void rules_drop_sets(struct attachment *att, const char *const *names);

/* Code 104 naming the rule that is missing, or says something else than @wanted. */
int rules_check(struct attachment *att, const char *stage, struct rule_list *wanted,
		struct cni_error *err);

#endif
