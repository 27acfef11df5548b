/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says in words why no network namespace can be opened at a path. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_NETNS_PATH_H
#define BRIDGE_CNI_PLUGIN_NODE_NETNS_PATH_H

#include "conf/base/error.h"

/*
 * Sets the error for a path in CNI_NETNS that couldn't be opened, with errno @errnum.
 * Code 3: nothing is there; the message says whether a namespace has ended there, or the
 * path never was one. Code 4: it is no network namespace (EMEDIUMTYPE), or can't be
 * opened. Returns -errno.
 */
int netns_path_error(const char *path, int errnum, struct cni_error *err);

#endif
