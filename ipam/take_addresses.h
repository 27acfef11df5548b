/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside ipam/: takes one address of every range set for an attachment, and writes its
 * record. All of that is done, or nothing.
 */
#ifndef BRIDGE_CNI_IPAM_TAKE_ADDRESSES_H
#define BRIDGE_CNI_IPAM_TAKE_ADDRESSES_H

#include "ipam/store/store.h"

struct address_order {
	const struct range_set_list *sets;
	const struct ip_addr *requests; /* one a set; family 0: whichever is next */
	struct holder holder;
	/* The record that is to be written, in which the addresses are filled in; NULL:
	 * no record is written. */
	struct record *record;
};

#define TAKE_INDEX_IS_WRONG 1 /* nothing was done: make a new index, and try again */

/*
 * Fills @ret_ips, one of each set. The store's index must be open. Errors as
 * ipam_reserve()'s, or TAKE_INDEX_IS_WRONG.
 */
int take_addresses(struct store *store, const struct address_order *order,
		   struct ip_config *ret_ips, struct cni_error *err);

#endif
