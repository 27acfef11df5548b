/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rotation of keys without a lost packet, as plain data.
 *
 * A node has two WireGuard devices (slots), each with a key of its own. Slot 0 of a node
 * talks to slot 0 of others, and slot 1 to slot 1. Each node counts its generations: a
 * new generation puts a new key into slot GENERATION % 2, and the key of the generation
 * before stays in the other one. Two nodes send to each other by the slot of the smaller
 * one of their generations, once they have shaken hands there. So a node that is one
 * generation ahead of another one has not yet touched the key that both use, and as long
 * as it is ahead it makes no further key. Nodes that rotate at the same time do so in the
 * same slot.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_ROTATION_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIREGUARD_SLOTS 2

/* The slot of a generation's key. */
static inline int rotation_slot(uint32_t generation)
{
	return (int)(generation % WIREGUARD_SLOTS);
}

#define ROTATION_GENERATION_MAX 999999999 /* odd, so that slots go on in turn with 0 */

static inline uint32_t rotation_after(uint32_t generation)
{
	return generation < ROTATION_GENERATION_MAX ? generation + 1 : 0;
}

/* The generation that a node begins with, when the others have said @said, which is
 * sorted then: that of the middle one. So a few Nodes that say what isn't so neither hold
 * it back, and all others with it, nor send it ahead. */
uint32_t rotation_first(uint32_t *said, size_t n);

/* The state of this node and another one. */
struct rotation_pair {
	bool has[WIREGUARD_SLOTS]; /* both nodes have that slot, and keys that can be used */
	uint32_t generation; /* the other node's */
	bool seen
		[WIREGUARD_SLOTS]; /* they have shaken hands, with the keys they have now */
};

/* The slot that the two are to use, for a node of generation @own with two slots. */
int rotation_target(uint32_t own, const struct rotation_pair *pair);

/* The slot that they use: the other one as long as hands were shaken there alone. */
int rotation_choose(uint32_t own, const struct rotation_pair *pair);

/* Can the node not put a new key into @slot without losing packets of the two? */
bool rotation_blocked(uint32_t own, int slot, const struct rotation_pair *pair);

/* Seconds after which the node's key is old: @days, and up to a tenth more, by its name,
 * so that the nodes of a cluster don't rotate all at once. */
int64_t rotation_period(uint32_t days, const char *node);

struct rotation_state {
	uint32_t days; /* --rotate-key-days, not 0 */
	int64_t period; /* rotation_period() */
	int64_t age[WIREGUARD_SLOTS]; /* of the keys, in seconds */
	uint32_t generation;
	bool blocked; /* by some peer */
	int64_t unblocked_ms; /* how long none has blocked it */
};

enum rotation_step {
	ROTATION_NONE, /* nothing is to be done */
	ROTATION_NEXT, /* the other slot's key is new: the next generation has it */
	ROTATION_NEW_KEY, /* a new key for the other slot, and the next generation */
	ROTATION_WAITS, /* it is time for it, but peers don't follow: name them */
};

enum rotation_step rotation_next(const struct rotation_state *state);

#endif
