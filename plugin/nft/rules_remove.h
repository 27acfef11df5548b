/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The removal of an owner's rules, sets and maps. */
#ifndef BRIDGE_CNI_PLUGIN_NFT_RULES_REMOVE_H
#define BRIDGE_CNI_PLUGIN_NFT_RULES_REMOVE_H

#include "plugin/attachment/attachment.h"
#include "conf/base/text.h"

/*
 * Removes everything of the owner from both tables, whichever stage's: rules by their
 * comments, sets and maps by their names; the tables where nothing of others is left in
 * them. Under the exclusive lock.
 * @ret_removed: there was something. Codes 101, 105.
 */
int rules_remove(struct attachment *att, bool *ret_removed, struct cni_error *err);

/* Adds "delete set" for the sets of a table that are named by @owner. Code 101. */
int rules_sets_delete(struct attachment *att, int protocol, const char *family,
		      uint64_t owner, struct text *text, struct cni_error *err);

/* Deletes those sets of a table that no rule looks into; what keeps a set from being
 * deleted is no error. @family: NFPROTO_INET, …. @names: up to NULL. */
void rules_drop_sets(struct attachment *att, int family, const char *const *names);

#endif
