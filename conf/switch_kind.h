/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The switch that pods of a network are attached to: the key `switch`, or a `type` that is
 * a switch's word. All else of a network is the same for every switch.
 */
#ifndef BRIDGE_CNI_CONF_SWITCH_KIND_H
#define BRIDGE_CNI_CONF_SWITCH_KIND_H

#include <net/if.h>
#include <stdbool.h>

#include "conf/base/notices.h"

struct json_type;

enum switch_kind {
	SWITCH_BRIDGE, /* a Linux bridge */
	SWITCH_OVS, /* a bridge of Open vSwitch */
	SWITCH_MACVLAN,
	SWITCH_IPVLAN,
};
#define SWITCH_KINDS 4

/* A set of switches. */
#define SWITCH_BIT(kind) (1u << (kind))
#define SWITCHES_ALL	 (SWITCH_BIT(SWITCH_KINDS) - 1)

/* The key `switch`: one of the words. */
extern const struct json_type switch_type;

/* Returns the switch's word, as the key, `type` and records have it. */
const char *switch_word(enum switch_kind kind);

/* Finds the switch that has the word; false: none has. */
bool switch_find(const char *word, enum switch_kind *ret_kind);

/* Are the switch's ports those of a bridge, which the key `bridge` names? */
bool switch_has_bridge(enum switch_kind kind);

/* Returns the kind that the kernel calls the bridge's link; NULL: it has more than one, or
 * there is no bridge. */
const char *switch_link_kind(enum switch_kind kind);

/*
 * Returns the name by which the store and the owner (identity_owner()) tell a switch that
 * has no bridge. It is in the place of the bridge's name, and no interface can have it.
 * NULL: the switch has a bridge.
 */
const char *switch_place(enum switch_kind kind);

/* Is it the name of a bridge, or of such a place? */
bool switch_place_valid(const char *name);

/* Gives the two words of a bridge, or of such a place, for a message: "bridge cni0", or
 * "switch macvlan". */
const char *switch_place_what(const char *name);
const char *switch_place_word(const char *name);

/* Finds the switch whose place this is; SWITCH_BRIDGE: it is a bridge's name, whatever the
 * bridge is. */
enum switch_kind switch_of_place(const char *name);

/* Tells of a key that only @of has, in a network with another switch. */
void switch_other_key_tell(const char *key, enum switch_kind of, enum switch_kind kind,
			   struct notices *notices);

#endif
