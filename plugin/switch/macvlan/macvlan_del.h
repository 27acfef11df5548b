/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the pod's macvlan or ipvlan away. */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_MACVLAN_MACVLAN_DEL_H
#define BRIDGE_CNI_PLUGIN_SWITCH_MACVLAN_MACVLAN_DEL_H

#include "plugin/attachment/attachment.h"

/*
 * Deletes the link in the namespace that CNI_NETNS names, or else in the one that the
 * record names. Where that has no path any more, or another namespace has its path, the
 * link is deleted as long as anything holds the namespace; otherwise it went with that.
 * Code 101.
 */
int macvlan_del(struct attachment *att, struct cni_error *err);

#endif
