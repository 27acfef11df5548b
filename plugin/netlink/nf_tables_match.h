/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For nf_tables_forward.c: does a rule match a packet, and what does it do with it then? */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MATCH_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MATCH_H

#include "conf/base/addr.h"
#include "nf_tables.h"

struct nlattr;

struct forwarded_packet {
	const char *in, *out; /* interfaces, by their names */
	struct ip_addr from, to;
	bool is_answer; /* of an established connection; else the first one of a new one */
};

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
	char chain[NFT_NAME_MAX]; /* that it jumps to */
};

/* Judges the list of expressions of a rule (NFTA_RULE_EXPRESSIONS; NULL: it has none). */
struct rule_judged rule_judge(struct nlattr *expressions,
			      const struct forwarded_packet *packet);

#endif
