/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a rule of nftables match a packet, and what does it do with it then? */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MATCH_H
#define BRIDGE_CNI_PLUGIN_NETLINK_NF_TABLES_MATCH_H

#include "chain_walk.h"
#include "nf_tables_set_answer.h"
#include "packet.h"

struct nlattr;

/* Judges the list of expressions of a rule (NFTA_RULE_EXPRESSIONS; NULL: it has none). */
struct rule_judged rule_judge(const struct rule_place *place, struct nlattr *expressions,
			      const struct packet *packet);

#endif
