/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completes what an IPAM gave, whichever it was. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_IPAM_RESULT_H
#define BRIDGE_CNI_PLUGIN_STAGE_IPAM_RESULT_H

#include "plugin/attachment/attachment.h"

/*
 * Completes @att->ipam by the network's configuration. With isGateway every address has a
 * gateway: the first address of its network where IPAM gave none. With isDefaultGateway
 * every family with a gateway has a default route. A route without a gateway goes by its
 * family's. Code 100.
 */
int ipam_result_complete(struct attachment *att, struct cni_error *err);

#endif
