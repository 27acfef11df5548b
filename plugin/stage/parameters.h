/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel parameters of the pod's end, which is still down. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PARAMETERS_H
#define BRIDGE_CNI_PLUGIN_STAGE_PARAMETERS_H

#include "plugin/attachment/attachment.h"

/* Writes those that IPv6 addresses need, where the stage `parameters` couldn't know yet
 * that the pod gets any, because another IPAM plugin gives them. Code 5. */
int parameters_for_ipv6(struct attachment *att, struct cni_error *err);

#endif
