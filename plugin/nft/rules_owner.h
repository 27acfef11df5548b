/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose are rules, sets and maps in the tables bridge_cni? A rule says it in its comment:
 *
 *	v2 masquerade/nat4 OWNER FINGERPRINT NETWORK[+WRITTEN] NAME
 *
 * the format's version, the stage and its rule's kind, the owner (identity_owner()), a
 * hash of the rule's chain and text, a hash of the network's name, which several owners
 * may have, for some rules a hash of the text that was written where it may be another
 * than that of the fingerprint (an earlier version passes over it), and, for people, as
 * much of the name as nft's limit leaves room for. A set or
 * map has the owner at the end of its name, and so has a chain of an owner's own.
 */
#ifndef BRIDGE_CNI_PLUGIN_NFT_RULES_OWNER_H
#define BRIDGE_CNI_PLUGIN_NFT_RULES_OWNER_H

#include "conf/identity.h"
#include "plugin/netlink/nf_tables_element.h"
#include "plugin/netlink/link.h"

#define RULES_TABLE "bridge_cni"

/* Raised when rules of the same fingerprint would mean something else. */
#define RULES_VERSION	      2
#define RULES_VERSION_BY_NAME 1 /* rules_by_name.h */

/* The owner, and the network's name, in the comments of rules that all owners share: no
 * owner is 0, and no network can have that name. */
#define RULES_SHARED_OWNER 0
#define RULES_SHARED_NAME  "*"

#define RULES_WORD_MAX 24 /* of a stage's name, and of a kind */

/* The parts of a comment. */
struct rules_comment {
	uint64_t version;
	char stage[RULES_WORD_MAX], kind[RULES_WORD_MAX];
	uint64_t owner; /* in RULES_VERSION_BY_NAME the hash of the network's name */
	uint64_t print; /* the rule's fingerprint */
	uint64_t network; /* hash of the network's name */
	uint64_t written; /* hash of the text that was written; 0: the comment has none */
};

/* False: it is no comment of ours. */
bool rules_comment_read(const char *comment, struct rules_comment *ret_comment);

void rules_comment_format(uint64_t owner, const char *network, const char *stage,
			  const char *kind, uint64_t print, uint64_t written,
			  char ret_comment[NFT_COMMENT_MAX]);

/* Was a veth or an ifb, whose alias says @names, made for @owner? Its MAC address
 * tells. */
struct link;
bool rules_owner_made(uint64_t owner, const struct link *link,
		      const struct alias_names *names);

/* Gives the name of a set, map or chain of the owner: "PREFIX_OWNER". @size has room for
 * it. */
void rules_owner_name(const char *prefix, uint64_t owner, char *ret_name, size_t size);

/* The owner that a set, map or chain is named by. False: none is, because all owners
 * share it or because it is anonymous. */
bool rules_name_owner(const char *name, uint64_t *ret_owner);

#endif
