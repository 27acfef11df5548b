/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells whether this program made a bridge. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_H
#define BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_H

#include "plugin/attachment/attachment.h"

/* Has the bridge @link the MAC address that this program gives to @att's bridge during
 * this boot (identity_bridge_mac())? False also where the boot can't be told. */
struct link;
bool bridge_has_own_mac(const struct attachment *att, const struct link *link);

#endif
