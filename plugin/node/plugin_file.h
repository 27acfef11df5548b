/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the file that a runtime runs for a plugin's name. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_PLUGIN_FILE_H
#define BRIDGE_CNI_PLUGIN_NODE_PLUGIN_FILE_H

#include <limits.h>
#include <stdbool.h>

/* Is there a file that may be executed? */
bool plugin_file_is_runnable(const char *path);

/* Finds the first directory of @dirs, which colons separate, in which the name is as
 * asked. */
bool plugin_file_find(const char *dirs, const char *name, bool (*is)(const char *path),
		      char ret_dir[PATH_MAX], char ret_path[PATH_MAX]);

/* Is the plugin of that name this executable, by a link or otherwise? @dirs: CNI_PATH. */
bool plugin_file_is_own(const char *dirs, const char *name);

#endif
