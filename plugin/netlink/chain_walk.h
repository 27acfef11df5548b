/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks a chain of rules, and those that it leads to, as the kernel does, whether they are
 * nftables' or iptables-legacy's: does it drop a packet? */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_CHAIN_WALK_H
#define BRIDGE_CNI_PLUGIN_NETLINK_CHAIN_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/base/error.h"

#define CHAIN_NAME_MAX 256 /* with the NUL */

enum rule_effect {
	RULE_NONE, /* it doesn't match, or does nothing that ends the walk */
	RULE_ACCEPTS,
	RULE_DROPS, /* or rejects */
	RULE_JUMPS,
	RULE_GOES, /* jumps, and doesn't come back */
	RULE_RETURNS,
	RULE_ANYTHING, /* a map tells, which isn't read */
};

struct rule_judged {
	enum rule_effect effect; /* where it matches */
	bool unsure; /* whether it matches isn't known */
	/* That hangs on what differs from packet to packet, as ports do: the rule is about
	 * some packets. Otherwise a set alone tells, which isn't read. */
	bool of_some;
	bool marks; /* it gives the packet or its connection a mark, where it matches */
	char chain[CHAIN_NAME_MAX]; /* that it jumps to */
};

/* Does the walk have to know of the rule? One that drops some packets is passed over. */
static inline bool rule_matters(const struct rule_judged *rule)
{
	if (rule->effect == RULE_NONE)
		return rule->marks;
	return !(rule->effect == RULE_DROPS && rule->unsure && rule->of_some);
}

struct rule_judged_list {
	struct rule_judged *items;
	size_t n;
};

/* Where rules come from. @rules judges those of a chain, and leaves out those that
 * do not matter; the list is freed by who calls. A chain that isn't there has none.
 * A walk asks once for a chain. */
struct chain_source {
	int (*rules)(const struct chain_source *source, const char *chain,
		     struct rule_judged_list *ret_list, struct cni_error *err);
};

struct chain_walked {
	char by[CHAIN_NAME_MAX]; /* the chain whose rule drops it; "": the policy does */
	/* A rule before it might accept the packet: what it matches isn't known here. */
	bool unsure;
	/* Whether it drops the packet isn't known: a rule of the chain @by can't be judged,
	 * or there are more rules than are looked at. */
	bool perhaps;
	bool marks; /* a rule on the way gives such packets a mark, or may do so */
	/* It has jumped to a chain of this name's beginning: a program is known by it. */
	bool of_docker, of_ufw, of_reference;
};

#define CHAIN_DROPS 1

/* CHAIN_DROPS: the chain drops the packet, or may do so; 0: it doesn't, and of
 * @ret_walked only the marks are of interest. Rules that drop or mark some packets by what
 * differs from one to the other (ports) are passed over. */
int chain_walk(const struct chain_source *source, const char *chain, bool policy_drops,
	       struct chain_walked *ret_walked, struct cni_error *err);

#endif
