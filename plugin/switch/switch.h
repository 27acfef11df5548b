/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each switch has this of its own, besides its stages: the proof that a recorded attachment
 * is still there, and a part of STATUS. A switch's stages are in the folder of its name.
 */
#ifndef BRIDGE_CNI_PLUGIN_SWITCH_SWITCH_H
#define BRIDGE_CNI_PLUGIN_SWITCH_SWITCH_H

#include "conf/switch_kind.h"
#include "switch_liveness.h"

const struct switch_liveness *switch_liveness(enum switch_kind kind);

#endif
