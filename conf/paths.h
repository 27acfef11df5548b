/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as text: nothing here looks at files. */
#ifndef BRIDGE_CNI_CONF_PATHS_H
#define BRIDGE_CNI_CONF_PATHS_H

#include <stdbool.h>
#include <stddef.h>

/* Is the path absolute, and without the components "", "." and ".."? One slash at its end
 * is allowed. */
bool path_is_plain(const char *path);

/*
 * Is @path below @prefix, or @prefix itself? Both are compared component by component:
 * /var/logs is not below /var/log. Returns the length of the part of @path that is
 * @prefix, without a slash at its end; 0: @path is elsewhere, or not plain.
 */
size_t path_below(const char *prefix, const char *path);

#endif
