/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says who has an address that a pod's macvlan or ipvlan can't have. A master tells its
 * macvlans apart by their MAC addresses, and its ipvlans by their IP addresses. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASTER_TAKEN_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASTER_TAKEN_H

#include "plugin/attachment/attachment.h"

/* Is @ret the kernel's refusal of an address that another link of the pod's master has?
 * Then @err, which is set, says so, names the holder where that can be known, and gets the
 * code 103. Any other error stays as it is. Returns @ret. */
int master_taken_explain(struct attachment *att, int ret, struct cni_error *err);

#endif
