/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an owner holds, by the index and, as the index is only a cache, by the files
 * themselves. Needs index_open().
 */
#ifndef BRIDGE_CNI_IPAM_STORE_OWNER_H
#define BRIDGE_CNI_IPAM_STORE_OWNER_H

#include "index.h"

/* Any address that @owner (or its container ID, old format) holds. 1; 0: none; -errno. */
int store_find(struct store *store, const struct owner *owner, struct ip_addr *ret_ip,
	       struct cni_error *err);

/*
 * Takes away every reservation of @owner; where there is none, those that old versions
 * of host-local made for its container ID. @record (NULL: none): the owner's. Goes on past
 * a file that makes trouble and reports the first. @ret_removed: how many.
 */
int store_release(struct store *store, const struct owner *owner,
		  const struct record *record, size_t *ret_removed,
		  struct cni_error *err);

/* Does @record name all reservations that its owner holds? Then they are those of the
 * attachment that it tells of, and not somebody's of the same name after it. */
bool store_record_covers(struct store *store, const struct record *record);

/* Does its owner hold anything at all? */
bool store_record_holds(struct store *store, const struct record *record);

#endif
