/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index of a store says what its directory holds, without reading the directory.
 * After each change of ours the directory's mtime is set to a small number of seconds
 * that the index knows, too, and that no clock ever shows. Any other mtime says that
 * somebody else wrote, or that we were killed; then the directory is read once. The index
 * is only a cache: a reservation is read before it is removed, and the file system says
 * whether a name is taken.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_INDEX_H
#define BRIDGE_CNI_IPAM_STORE_INDEX_H

#include "rebuild.h"

#define INDEX_FILE "index"

/*
 * Makes store->table tell the truth. @boot is the kernel's boot ID, "" where it is not
 * known. The first time in a boot, what earlier boots left is given back: reservations
 * whose record has another boot ID, reservations without a record that were first seen in
 * an earlier boot, and those boots' records. The numbers are added to @news. Code 5.
 */
int index_open(struct store *store, const char *boot, struct rebuild_news *news,
	       struct cni_error *err);

/*
 * Reads the directory again, because a file in it may have become nobody's. It does so
 * once for each state of the directory. This is for when addresses run short. Code 5.
 */
int index_refresh(struct store *store, const char *boot, struct rebuild_news *news,
		  struct cni_error *err);

/*
 * Saves the table after a change of the directory that the table has followed. Where it
 * can't be saved, the next operation reads the directory again, so nothing is reported.
 */
void index_save(struct store *store);

/* Removes an index that turned out wrong. This operation doesn't save another one. */
void index_spoil(struct store *store);

#endif
