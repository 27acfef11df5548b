/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sets of the guard's table. Ranges are looked up by their prefix: a set has those of
 * one length, and a rule for each length cuts the packet's address. So a set needs no
 * intervals: the kernel finds an element by its hash, and a change touches that element
 * alone. Most clusters have one length for each family.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_GUARD_SETS_H
#define BRIDGE_CNI_AGENT_TUNNEL_GUARD_SETS_H

#include "conf/base/text.h"
#include "guard_spec.h"
#include "plugin/netlink/netlink.h"
#include "plugin/netlink/nf_tables_element.h"

#define GUARD_TABLE "bridge_cni_tunnel"

/* The names say the families, and the length: in sources_64_24 are pairs of a node's IPv6
 * address and an IPv4 range of /24. In own_4_24 are IPv4 ranges of this node. */
enum guard_kind {
	GUARD_SOURCES_44,
	GUARD_SOURCES_46,
	GUARD_SOURCES_64,
	GUARD_SOURCES_66,
	GUARD_OWN_4,
	GUARD_OWN_6,
	GUARD_KINDS
};

#define GUARD_LENGTHS 129 /* of prefixes: 0 to 128 */

/* The sets that a spec needs. */
struct guard_sets {
	bool has[GUARD_KINDS][GUARD_LENGTHS];
};

void guard_sets_find(const struct guard_spec *spec, struct guard_sets *ret_sets);

/* What a range of this node, or one of another node's, is in. */
enum guard_kind guard_kind_own(const struct ip_prefix *range);
enum guard_kind guard_kind_source(const struct guard_source *source);

void guard_set_name(enum guard_kind kind, unsigned int len,
		    char ret_name[NFT_SET_NAME_MAX]);

/* Adds the declarations of the sets as commands of nft(8). A set that is there already
 * keeps its elements. */
void guard_sets_declare(const struct guard_sets *sets, struct text *text);

/* Makes those that are missing. Codes 100, 101, 105. */
int guard_sets_add(struct netlink *nft, const struct guard_sets *sets,
		   struct cni_error *err);

/* Deletes the others, which no rule may look into. Returns how many these were. Codes 100,
 * 101. */
int guard_sets_trim(struct netlink *nft, const struct guard_sets *sets,
		    struct cni_error *err);

/*
 * Hands to @fn the counts of all packets that came from each address of the underlay, and
 * were let in: there may be several of one address. Code 101.
 */
typedef void (*guard_count_fn)(const struct ip_addr *outer, uint64_t packets, void *data);
int guard_sets_counts(struct netlink *nft, guard_count_fn fn, void *data,
		      struct cni_error *err);

#endif
