/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims to prefixes of one family, and which of them stand in each other's way: a
 * podCIDR in that of every podCIDR inside or around it, and of every InternalIP in it.
 * The prefixes form a tree, in which each hangs below the next wider one around it. So
 * one claim is weighed against all others in as many steps as prefixes are nested.
 */
#ifndef BRIDGE_CNI_AGENT_API_RANGE_TREE_H
#define BRIDGE_CNI_AGENT_API_RANGE_TREE_H

#include <stdint.h>

#include "conf/base/addr.h"
#include "conf/base/error.h"

#define RANGE_TREE_NOBODY UINT32_MAX

/* A claim to a prefix. The caller sets all but @place. */
struct claim {
	struct ip_prefix prefix; /* host bits zero */
	uint32_t node; /* who claims it, by a number of the caller's */
	uint32_t place; /* in the tree */
	uint8_t rank; /* the lower ones are granted before the higher ones */
	bool is_address; /* it is an InternalIP, not a podCIDR */
};

struct range_place {
	uint32_t claim; /* the first one to this prefix, while the tree is made */
	uint32_t parent; /* the next wider prefix around it; RANGE_TREE_NOBODY: none */
	/* Nodes whose claims were granted: to this podCIDR, to one inside it, and to an
	 * InternalIP inside it. */
	uint32_t range, range_inside, address_inside;
};

struct range_tree {
	struct range_place *places; /* owned */
	size_t n;
};
void range_tree_clear(struct range_tree *tree);

/* Makes a tree of these claims, of which none is granted yet. @claims gets sorted by
 * prefix, and each its place. Code 100. */
int range_tree_make(struct claim *claims, size_t n, struct range_tree *ret_tree,
		    struct cni_error *err);

/* Brings claims into the order in which they are to be granted. @since: of one rank, those
 * of the lower number are granted first. */
typedef uint64_t (*claim_since_fn)(const struct claim *claim, const void *data);
void claims_sort(struct claim *claims, size_t n, claim_since_fn since, const void *data);

/* An outcome of range_tree_grant(). */
#define RANGE_TREE_REFUSED 1

/* The granted claim because of which another one was refused. */
struct range_rival {
	uint32_t node;
	bool is_address;
};

/* Grants the claim, or refuses it because of one granted before. */
int range_tree_grant(struct range_tree *tree, const struct claim *claim,
		     struct range_rival *ret_rival);

#endif
