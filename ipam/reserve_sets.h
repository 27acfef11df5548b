/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One address of every range set: chosen, written down, taken; all of it or nothing. */
#ifndef BRIDGE_CNI_IPAM_RESERVE_SETS_H
#define BRIDGE_CNI_IPAM_RESERVE_SETS_H

#include "ipam/store/store.h"

struct plan_order {
	const struct range_set_list *sets;
	const struct ip_addr *requests; /* one a set; family 0: whichever is next */
	struct holder holder;
	/* What the record is to say; addresses are filled in. NULL: no record. */
	struct record *record;
};

/*
 * Fills @ret_ips, one of each set. Errors as ipam_reserve()'s; -EAGAIN without an error:
 * the index turned out wrong, and nothing was done.
 */
int plan_carry_out(struct store *store, const struct plan_order *order,
		   struct ip_config *ret_ips, struct cni_error *err);

#endif
