/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The elements of the guard's sets, as they are to be and as the kernel has them. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_GUARD_ELEMENTS_H
#define BRIDGE_CNI_AGENT_TUNNEL_GUARD_ELEMENTS_H

#include "guard_rules.h"

/* An outcome: some set is not there, or somebody has changed one meanwhile. */
#define GUARD_ELEMENTS_AGAIN 1

/*
 * Reads the elements that the kernel has, and makes them be those of @spec, in one
 * transaction, which deletes those that are not wanted and adds those that are missing.
 * Nothing is sent where nothing differs.
 * @known: of each set a number that says what it has (@ret_sums of an earlier call). Sets
 * that are to have just that are not read. NULL: nothing is known.
 * @done: elements that were added and deleted are counted there.
 * Codes 11, 100, 101.
 */
int guard_elements_ensure(struct netlink *nft, const struct guard_spec *spec,
			  const uint64_t *known, uint64_t ret_sums[GUARD_SETS],
			  struct guard_done *done, struct cni_error *err);

#endif
