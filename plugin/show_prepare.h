/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads how `bridge-cni show` is called. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_PREPARE_H
#define BRIDGE_CNI_PLUGIN_SHOW_PREPARE_H

#include "plugin/show/show.h"

/* Takes the names, wherever they stand, out of @arguments, whose last is NULL, and begins.
 * FILEs are left. 1: memory ran out, which was said. */
int show_prepare(struct show *show, char **arguments, bool as_json);

#endif
