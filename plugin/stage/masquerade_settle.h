/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of ipMasq once pods have gone. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_SETTLE_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_SETTLE_H

#include "plugin/attachment/attachment.h"

/*
 * A repair where no pod is connected: where the owner has rules, they are made as the
 * reservations of now need them, so that they don't go on naming the addresses of pods
 * that are gone. Where there are no rules, none are made. GC can't do that, as it reads
 * no subnets. Under the exclusive lock. Codes 5, 11, 100, 101, 105.
 */
int masquerade_settle(struct attachment *net, struct cni_error *err);

#endif
