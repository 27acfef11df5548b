/* SPDX-License-Identifier: GPL-2.0-or-later */
/* podLink "routed": the routes by which a pod without a subnet of its own reaches the
 * node. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_ROUTED_H
#define BRIDGE_CNI_PLUGIN_STAGE_ROUTED_H

#include "plugin/attachment/attachment.h"

/*
 * Puts before @att's routes those that a routed pod needs besides: to each gateway on the
 * link, and to each subnet by its gateway where no default route leads by that with the
 * interface's MTU. Code 7: a gateway is outside of its address's subnet.
 */
int routed_complete(struct attachment *att, struct cni_error *err);

#endif
