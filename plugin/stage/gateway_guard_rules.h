/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of the stage `gateway_guard`. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_GUARD_RULES_H
#define BRIDGE_CNI_PLUGIN_STAGE_GATEWAY_GUARD_RULES_H

#include "plugin/nft/rules.h"

/* The guards that the stage has rules for. */
enum gateway_guards {
	/* packets from the bridge have a source that is behind the bridge */
	GUARD_SOURCES = 1,
	GUARD_ISOLATION = 2, /* isolated pods don't reach each other by way of the node */
	GUARD_REDIRECTS = 4, /* the node tells no pod of a shorter way */
};

/*
 * Gives the rules of all guards, in @ret_list. Those that are not among @guards (enum
 * gateway_guards) are tolerated, but for those on sources where the bridge has ports of
 * somebody else: they are left out. @att has the interface of its gateway. Code 100.
 */
int gateway_guard_rules_wanted(const struct attachment *att, unsigned int guards,
			       struct rule_list *ret_list, struct cni_error *err);

/* Makes those rules of @guards that are tolerated wanted ones, and leaves the other
 * tolerated ones out, so that they are deleted where they are there. Code 100. */
int gateway_guard_rules_settle(const struct network *network, unsigned int guards,
			       struct rule_list *list, struct cni_error *err);

#endif
