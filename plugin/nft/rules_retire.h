/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of an owner's rules, sets and maps, where other configurations of the same name
 * are served on the node. The rules of the only owner of a name stay when its last pod
 * goes, for the next one: most nodes have no other.
 */
#ifndef BRIDGE_CNI_PLUGIN_NFT_RULES_RETIRE_H
#define BRIDGE_CNI_PLUGIN_NFT_RULES_RETIRE_H

#include "plugin/attachment/attachment.h"
#include "conf/base/text.h"

/*
 * Adds commands to a transaction that is made anyway: they remove, from one of the
 * tables, what those owners of the same name have that have no interface on the node any
 * more. Under the exclusive lock. Codes 5, 11, 100, 101.
 */
int rules_retire_others(struct attachment *att, int protocol, const char *family,
			struct text *text, struct cni_error *err);

/* Called after a DEL that left the owner without a record: removes the owner's rules
 * where another owner of the name has some. An error is told by notice(). */
void rules_retire(struct attachment *att);

#endif
