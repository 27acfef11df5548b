/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The permanent neighbours of routed and of quiet pods (neighbours.c) on a bridge and its
 * VLANs' gateways, for whoever knows that their pods are gone. An earlier version's DEL
 * knows nothing of them and leaves them, and another pod with the address may have another
 * MAC address.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_NEIGHBOURS_LEFT_H
#define BRIDGE_CNI_PLUGIN_STAGE_NEIGHBOURS_LEFT_H

#include "plugin/attachment/attachment.h"

/* Deletes all of them. Code 101. */
int neighbours_flush(struct attachment *att, struct cni_error *err);

/*
 * GC, repair: deletes those whose MAC address the bridge has behind no port. It has a fixed
 * entry for each quiet pod. Where it has a routed pod, all stay. Code 101.
 */
int neighbours_sweep(struct attachment *net, struct cni_error *err);

#endif
