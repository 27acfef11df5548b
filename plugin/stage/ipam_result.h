/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from the addresses that an IPAM gave, whichever it was. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_IPAM_RESULT_H
#define BRIDGE_CNI_PLUGIN_STAGE_IPAM_RESULT_H

#include "plugin/attachment/attachment.h"

/*
 * Completes @att->ipam by the network's configuration: with isGateway every address has a
 * gateway (the first of its network where IPAM gave none), with isDefaultGateway every
 * family that has one a default route; a route without a gateway goes by its family's.
 */
int ipam_result_complete(struct attachment *att, struct cni_error *err);

#endif
