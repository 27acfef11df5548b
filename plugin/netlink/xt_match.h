/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The matches and targets of iptables, which iptables-nft's rules have as well as
 * iptables-legacy's. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_XT_MATCH_H
#define BRIDGE_CNI_PLUGIN_NETLINK_XT_MATCH_H

#include "chain_walk.h"
#include "packet.h"

enum xt_matched {
	XT_MATCHES,
	XT_DIFFERS,
	XT_UNSURE, /* a set tells */
	XT_OF_SOME, /* what differs from packet to packet tells */
};

/* @info: the match's data, of @len bytes. */
enum xt_matched xt_match(const struct packet *packet, const char *name,
			 unsigned int revision, const void *info, size_t len);

enum rule_effect xt_effect(const char *target);

/* Does the target give the packet or its connection a mark? */
bool xt_marks(const char *target);

#endif
