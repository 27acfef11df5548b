/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An earlier version knew one owner for all configurations of a network's name
 * (identity_owner_by_name()). It wrote comments "v1 STAGE/KIND NETWORK FINGERPRINT NAME",
 * and sets with the network's hash at the end of their names. Such rules and sets give
 * way to those of now in one transaction, which fills the new sets from the records.
 */
#ifndef BRIDGE_CNI_PLUGIN_NFT_RULES_BY_NAME_H
#define BRIDGE_CNI_PLUGIN_NFT_RULES_BY_NAME_H

#include "ipam/store/record.h"
#include "plugin/attachment/attachment.h"

/* Did the earlier version write this record? Then its pod may have elements in the sets
 * by name still. */
bool rules_by_name_recorded(const struct record *record);

/*
 * Has a pod of another owner of the name, which the earlier version made, its rules among
 * those by name? Such a pod has an interface that is in none of this owner's records.
 * Under the exclusive lock. Codes 5, 11, 101.
 */
int rules_by_name_in_use(struct attachment *att, bool *ret_in_use, struct cni_error *err);

#endif
