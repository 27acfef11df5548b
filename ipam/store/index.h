/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index of a store: what its directory holds, without reading it. After each change
 * of ours the directory's mtime is set to a small number of seconds that the index knows,
 * too, and that no clock ever shows: any other mtime says that somebody else wrote, or
 * that we were killed, and the directory is read once. The index is a cache: a
 * reservation is read before it is removed, and the kernel says whether a name is taken.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_INDEX_H
#define BRIDGE_CNI_IPAM_STORE_INDEX_H

#include "rebuild.h"

#define INDEX_FILE "index"

/*
 * Makes store->table tell the truth. @boot is the kernel's boot ID, "" where it can't be
 * told. The first time in a boot, what earlier boots left is given back: reservations
 * whose record says so or, without a record of theirs, that were seen in an earlier boot,
 * and those boots' records. Adds to @news. Code 5.
 */
int index_open(struct store *store, const char *boot, struct rebuild_news *news,
	       struct cni_error *err);

/*
 * Reads the directory again, in case that a file in it has become nobody's; not twice
 * for the same state of the directory. For when addresses run short.
 */
int index_refresh(struct store *store, const char *boot, struct rebuild_news *news,
		  struct cni_error *err);

/*
 * Saves the table after a change of the directory that it has followed. Where it can't,
 * the next one reads the directory again; so nothing is reported.
 */
void index_save(struct store *store);

/* For a table that turned out wrong: from now on there is none. */
void index_spoil(struct store *store);

#endif
