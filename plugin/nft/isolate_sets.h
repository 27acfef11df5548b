/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interfaces of networks that have the key isolate: their bridges, with vlan their
 * gateways' interfaces. Three sets in the table inet bridge_cni are for the rules, and
 * all owners share them. Two more sets are an owner's own (identity_owner()). They say
 * which interfaces the owner wants to be isolated, so that an interface stays isolated as
 * long as any configuration that uses it has the key. No rule looks into those.
 */
#ifndef BRIDGE_CNI_PLUGIN_NFT_ISOLATE_SETS_H
#define BRIDGE_CNI_PLUGIN_NFT_ISOLATE_SETS_H

#include "conf/base/text.h"
#include "plugin/attachment/attachment.h"
#include "set_type.h"

#define ISOLATE_NETWORKS "networks"
#define ISOLATE_ISOLATED "networks_isolated"
#define ISOLATE_STRICT	 "networks_strict"

enum isolate_set {
	/* All networks that packets may be kept from. An element is the interface's name
	 * twice, so that a rule may ask for incoming and outgoing interface together
	 * whether they are the same. */
	ISOLATE_SET_NETWORKS,
	ISOLATE_SET_ISOLATED, /* those that have the key */
	ISOLATE_SET_STRICT, /* and of these, those that have "strict" */
	ISOLATE_SHARED_SETS,

	ISOLATE_SET_OWN = ISOLATE_SHARED_SETS, /* the owner wants to isolate these */
	ISOLATE_SET_OWN_STRICT, /* and these strictly; an interface is in one of them */
	ISOLATE_SETS,
};

struct isolate_sets {
	struct nft_set sets[ISOLATE_SETS];
};
void isolate_sets_name(uint64_t owner, struct isolate_sets *ret_sets);

/* The names of the shared sets, with a NULL at the end. */
extern const char *const isolate_shared_names[];

/* Makes the element of an interface in the set @which. For nft as text only where
 * set_ifname_is_plain(). */
void isolate_element(const struct isolate_sets *sets, enum isolate_set which,
		     const char *ifname, struct nft_element *ret_element);

/* The wish of one owner, as its own sets have it. */
struct isolate_wish {
	uint64_t owner;
	char ifname[IF_NAMESIZE];
	bool strict;
};
struct isolate_wishes {
	struct isolate_wish *items;
	size_t n;
	bool any_sets; /* an owner has sets, though there may be nothing in them */
};
void isolate_wishes_clear(struct isolate_wishes *wishes);

/* Reads the wishes of all owners. Codes 100, 101. */
int isolate_wishes_read(struct attachment *att, struct isolate_wishes *ret_wishes,
			struct cni_error *err);

/*
 * Adds commands by which the interfaces that only @owner wants to isolate are isolated no
 * more. The owner's own sets are the caller's to delete. An interface that @att's
 * configuration isolates stays, unless @att is of that owner. Under the exclusive lock.
 * Codes 100, 101.
 */
int isolate_leave(struct attachment *att, uint64_t owner, struct text *text,
		  struct cni_error *err);

#endif
