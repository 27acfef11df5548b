/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The permanent neighbours of routed pods, for whoever knows that no such pod is left. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_NEIGHBOURS_H
#define BRIDGE_CNI_PLUGIN_STAGE_NEIGHBOURS_H

#include "plugin/attachment/attachment.h"

/*
 * Deletes all of them on @att's bridge and its VLANs' gateways. An earlier version's DEL
 * knows nothing of them and leaves them, and another pod with the address may have
 * another MAC address. Code 101.
 */
int neighbours_flush(struct attachment *att, struct cni_error *err);

#endif
