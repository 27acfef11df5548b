/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations of ours in files whose names no runtime reads. */
#ifndef BRIDGE_CNI_PLUGIN_MISNAMED_H
#define BRIDGE_CNI_PLUGIN_MISNAMED_H

#include <stdbool.h>

#include "conf/findings.h"

/* Does a runtime read a file of this name (PATTERNS) in its directory? */
bool conf_name_is_read(const char *name);

/*
 * Adds a finding where the file has plugins of @types, as net_list_read() takes them, and
 * a name that no runtime reads. Nothing is said of a name that shows the file was set
 * aside on purpose ("10-pods.conflist.bak"), nor, of a file that was named (@alone), of a
 * name without an ending, which may be that of a pipe (/dev/stdin).
 */
void misnamed_look(const char *path, bool alone, const char *const *types,
		   struct findings *findings);

#endif
