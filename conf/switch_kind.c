/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of switches. */
#include "switch_kind.h"

#include <string.h>

#include "conf/base/util.h"
#include "conf/json/json_table.h"
#include "names.h"

static const struct {
	const char *word;
	const char *place; /* NULL: it has a bridge */
	const char *link_kind; /* of its bridge; NULL: there is none, or more than one */
} switches[SWITCH_KINDS] = {
	[SWITCH_BRIDGE] = {.word = "bridge", .link_kind = "bridge"},
	[SWITCH_OVS] = {.word = "ovs"},
	/* The kernel lets no interface have a name with a colon. */
	[SWITCH_MACVLAN] = {.word = "macvlan", .place = ":macvlan"},
	[SWITCH_IPVLAN] = {.word = "ipvlan", .place = ":ipvlan"},
};

const struct json_type switch_type = {
	.kind = JSON_TEXT,
	.words = (const char *const[]){"bridge", "ovs", "macvlan", "ipvlan", NULL},
	.or_zero = true,
};

const char *switch_word(enum switch_kind kind)
{
	return switches[kind].word;
}

bool switch_find(const char *word, enum switch_kind *ret_kind)
{
	for (int i = 0; i < SWITCH_KINDS; i++) {
		if (strcmp(switches[i].word, word) != 0)
			continue;
		*ret_kind = i;
		return true;
	}
	return false;
}

bool switch_has_bridge(enum switch_kind kind)
{
	return !switches[kind].place;
}

const char *switch_link_kind(enum switch_kind kind)
{
	return switches[kind].link_kind;
}

const char *switch_place(enum switch_kind kind)
{
	return switches[kind].place;
}

enum switch_kind switch_of_place(const char *name)
{
	for (int i = 0; i < SWITCH_KINDS; i++)
		if (switches[i].place && strcmp(switches[i].place, name) == 0)
			return i;
	return SWITCH_BRIDGE;
}

bool switch_place_valid(const char *name)
{
	return ifname_valid(name) || switch_of_place(name) != SWITCH_BRIDGE;
}

const char *switch_place_what(const char *name)
{
	return switch_has_bridge(switch_of_place(name)) ? "bridge" : "switch";
}

const char *switch_place_word(const char *name)
{
	enum switch_kind kind = switch_of_place(name);

	return switch_has_bridge(kind) ? name : switch_word(kind);
}

void switch_other_key_tell(const char *key, enum switch_kind of, enum switch_kind kind,
			   struct notices *notices)
{
	notice(notices,
	       "%s: ignored, as it is a key of the switch \"%s\", and this one is \"%s\"; "
	       "remove the key, or take that switch",
	       key, switch_word(of), switch_word(kind));
}
