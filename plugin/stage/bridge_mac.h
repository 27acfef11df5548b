/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The MAC address of a bridge. It tells whether this program made the bridge. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_MAC_H
#define BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_MAC_H

#include "plugin/attachment/attachment.h"

struct link;

/* The address that this program gives to @att's bridge during this boot
 * (identity_bridge_mac()); unset where the boot can't be told. */
struct mac_addr bridge_own_mac(const struct attachment *att);

/* Has the bridge @link that address? False also where the boot can't be told. */
bool bridge_has_own_mac(const struct attachment *att, const struct link *link);

/* Does the bridge keep its address, whatever ports come and go? */
bool bridge_mac_is_pinned(const struct attachment *att, const struct link *link);

/* Gives the address that somebody's bridge is to keep; unset where there is none. */
struct mac_addr bridge_mac_to_pin(const struct attachment *att, const struct link *link);

#endif
