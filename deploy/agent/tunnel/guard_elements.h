/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The elements of the guard's sets, as they are to be and as the kernel has them. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_GUARD_ELEMENTS_H
#define BRIDGE_CNI_AGENT_TUNNEL_GUARD_ELEMENTS_H

#include "guard_sets.h"

/* An outcome: some set is not there, or somebody has changed one meanwhile. */
#define GUARD_ELEMENTS_AGAIN 1

/* One element of one set. With thousands of nodes these are many, so it has bytes alone;
 * those behind an IPv4 address are zero, and so is @outer in the sets of own ranges. */
struct guard_element {
	uint8_t bytes[2 + 2 * 16];
};

/* Zero-initialise it. */
struct guard_elements {
	struct guard_element *items; /* sorted, each once; owned */
	size_t n;
};
void guard_elements_clear(struct guard_elements *elements);

/*
 * Makes the kernel's elements be those of @spec, in one transaction, which deletes those
 * that are not wanted and adds those that are missing. Nothing is sent where nothing
 * differs.
 * @known: the elements that the kernel has (@ret_now of an earlier call). NULL: those of
 * the spec's sets are read.
 * @ret_now: zeros, or a list that is replaced.
 * @done: elements that were added and deleted are counted there.
 * Codes 11, 100, 101.
 */
int guard_elements_ensure(struct netlink *nft, const struct guard_spec *spec,
			  const struct guard_elements *known,
			  struct guard_elements *ret_now, struct guard_done *done,
			  struct cni_error *err);

/* Adds the elements of @spec as commands of nft(8). Code 100. */
int guard_elements_declare(const struct guard_spec *spec, struct text *text,
			   struct cni_error *err);

/* Adds those of @spec that are missing, and deletes none. Codes 11, 100, 101. */
int guard_elements_add(struct netlink *nft, const struct guard_spec *spec,
		       struct guard_done *done, struct cni_error *err);

#endif
