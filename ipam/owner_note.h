/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside ipam/: the notes of a network's owners (identity_owner()), for cleanup without a
 * configuration. A note is the file ".network-BRIDGE" among the records, with what
 * conf/network_note.h keeps of the configuration. An earlier version's cleanup removes
 * the file, since its name begins with a dot.
 */
#ifndef BRIDGE_CNI_IPAM_OWNER_NOTE_H
#define BRIDGE_CNI_IPAM_OWNER_NOTE_H

#include "ipam.h"
#include "ipam/store/store.h"

/* Writes the owner's note where the store doesn't have it, or has another one. Where that
 * can't be done the owner has none. */
void owner_note_write(const struct store *store, const char *bridge,
		      const struct network *network);

/* Does the file have the name of a note? Then @ret_bridge is the owner's bridge. */
bool owner_note_is(const char *file, char ret_bridge[IF_NAMESIZE]);

/* Gives the list's item of that interface, which is added where it isn't there. NULL:
 * memory ran out. */
struct ipam_owner *owner_list_add(struct ipam_owner_list *list, const char *ifname);

/* Adds the interfaces that the network gave its gateway addresses (gateways.c). Code
 * 5. */
int owner_gateways_add(const struct store *store, struct ipam_owner_list *list,
		       struct cni_error *err);

#endif
