/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flowtable of the table inet bridge_cni, which all owners share: a device can be in
 * one flowtable of a table only, and the uplink is everybody's. */
#ifndef BRIDGE_CNI_PLUGIN_NFT_FLOWTABLE_H
#define BRIDGE_CNI_PLUGIN_NFT_FLOWTABLE_H

#define RULES_FLOWTABLE "fast_path"

struct attachment;

/* Deletes the flowtable where no rule uses it any more. What keeps it from being deleted
 * is no error. */
void rules_drop_flowtable(struct attachment *att);

#endif
