/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Beneath the index: a table is made from the store's files. */
#ifndef BRIDGE_CNI_IPAM_STORE_REBUILD_H
#define BRIDGE_CNI_IPAM_STORE_REBUILD_H

#include "store.h"

/* What reading the directory has given back. */
struct rebuild_news {
	size_t empty; /* reservations that name nobody */
	size_t past; /* reservations and records of boots that are over */
};

struct rebuild {
	struct store *store;
	const char *boot; /* of now; "" unknown */
	uint32_t boots; /* the number of this boot */
	bool dated; /* the old table knows what was seen in which boot */
	bool sweep; /* it is the first time in this boot: give back what others left */
	bool unread; /* result: what a file says was not to be had */
	struct rebuild_news *news;
};

/*
 * Reads the directory. What @old (which may be closed) knows of a file that is still the
 * same need not be read again, and was seen in the boot that @old says. Code 5.
 */
int rebuild_table(struct rebuild *rebuild, struct table *old, struct table *ret_table,
		  struct cni_error *err);

#endif
