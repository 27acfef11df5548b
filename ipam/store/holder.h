/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What does a holder hold? The index says where to look and, as it is only a cache, the
 * files say whether that is so. The index must be open.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_HOLDER_H
#define BRIDGE_CNI_IPAM_STORE_HOLDER_H

#include "index.h"

#define HOLDER_HAS_ADDRESS 1 /* store_find(): here is one */

/* Finds an address that @holder, or in host-local's old format its container ID, has
 * reserved. HOLDER_HAS_ADDRESS; 0: none. Code 5. */
int store_find(struct store *store, const struct holder *holder, struct ip_addr *ret_ip,
	       struct cni_error *err);

/*
 * Takes away every reservation of @holder or, where there is none, those that old
 * versions of host-local made for its container ID. @record is the holder's (NULL: there
 * is none). A file that makes trouble is passed over, and the first such error is
 * reported (code 5). @ret_removed counts those taken away, on failure as well.
 */
int store_release(struct store *store, const struct holder *holder,
		  const struct record *record, size_t *ret_removed,
		  struct cni_error *err);

/* Does @record name all reservations that its holder holds? Then they are those of the
 * record's attachment, and not of a later one under the same names. */
bool store_record_covers(struct store *store, const struct record *record);

/* Does the holder of @record hold anything at all? */
bool store_record_holds(struct store *store, const struct record *record);

#endif
