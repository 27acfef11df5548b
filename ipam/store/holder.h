/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a holder holds, by the index and, as the index is only a cache, by the files
 * themselves. Needs index_open().
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
 * Takes away every reservation of @holder; where there is none, those that old versions
 * of host-local made for its container ID. @record (NULL: none): the holder's. Goes on
 * past a file that makes trouble and reports the first. @ret_removed: how many.
 */
int store_release(struct store *store, const struct holder *holder,
		  const struct record *record, size_t *ret_removed,
		  struct cni_error *err);

/* Does @record name all reservations that its holder holds? Then they are those of the
 * attachment that it tells of, and not somebody's of the same name after it. */
bool store_record_covers(struct store *store, const struct record *record);

/* Does its holder hold anything at all? */
bool store_record_holds(struct store *store, const struct record *record);

#endif
