/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a pod's macvlan is still there, as far as the node can see. */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_MACVLAN_ALIVE_H
#define BRIDGE_CNI_PLUGIN_SWITCH_MACVLAN_ALIVE_H

#include "switch_liveness.h"

extern const struct switch_liveness macvlan_liveness;

#endif
