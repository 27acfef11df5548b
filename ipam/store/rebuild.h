/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Beneath the index: a table is made from the store's files. */
#ifndef BRIDGE_CNI_IPAM_STORE_REBUILD_H
#define BRIDGE_CNI_IPAM_STORE_REBUILD_H

#include "store.h"

/* Counts what was given back while the directory was read. */
struct rebuild_news {
	size_t empty; /* reservations that name nobody */
	size_t past; /* reservations and records of boots that are over */
};

struct rebuild {
	struct store *store;
	const char *boot; /* the boot ID of now; "": not known */
	uint32_t boots; /* the number of this boot */
	bool dated; /* the old table knows what was seen in which boot */
	bool sweep; /* the first time in this boot: give back what others left */
	bool unread; /* result: a file could not be read */
	struct rebuild_news *news;
};

/*
 * Makes @ret_table from the directory. A file that is still the same as in @old, which
 * may be closed, is not read again, and was first seen in the boot that @old says.
 * Code 5.
 */
int rebuild_table(struct rebuild *rebuild, struct table *old, struct table *ret_table,
		  struct cni_error *err);

#endif
