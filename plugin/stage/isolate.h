/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removes what the key isolate leaves once no network has it. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_ISOLATE_H
#define BRIDGE_CNI_PLUGIN_STAGE_ISOLATE_H

#include "plugin/attachment/attachment.h"

/* Takes out what the owner wanted to be isolated, where its configuration has the key no
 * more; and the rules, where no network has it. Under the exclusive lock. Codes 11, 100,
 * 101, 105. */
int isolate_settle(struct attachment *net, struct cni_error *err);

/* Deletes the rules and their sets where no owner has anything isolated. Under the
 * exclusive lock. Codes 11, 100, 101, 105. */
int isolate_unused_remove(struct attachment *net, struct cni_error *err);

#endif
