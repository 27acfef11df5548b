/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside ipam/: whether an owner (identity_owner()) has no record in a store any more. */
#ifndef BRIDGE_CNI_IPAM_LAST_RECORD_H
#define BRIDGE_CNI_IPAM_LAST_RECORD_H

#include "ipam/store/store.h"

/*
 * True when no record of @bridge is left, after a DEL removed one. The index must be
 * open. False also where that can't be known, and where it isn't looked for, because
 * other attachments are left and ipam_note_others() has noted no other owner.
 */
bool was_last_record(const struct store *store, const char *bridge);

#endif
