/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool plugin_file_is_runnable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool plugin_file_find(const char *dirs, const char *name, bool (*is)(const char *path),
		      char ret_dir[PATH_MAX], char ret_path[PATH_MAX])
{
	while (*dirs) {
		size_t len = strcspn(dirs, ":");

		if (len > 0 &&
		    snprintf(ret_dir, PATH_MAX, "%.*s", (int)len, dirs) < PATH_MAX &&
		    snprintf(ret_path, PATH_MAX, "%.*s/%s", (int)len, dirs, name) <
			    PATH_MAX &&
		    is(ret_path))
			return true;
		dirs += len + (dirs[len] == ':');
	}
	return false;
}

bool plugin_file_is_own(const char *dirs, const char *name)
{
	char dir[PATH_MAX], path[PATH_MAX];
	struct stat self, found;

	return plugin_file_find(dirs, name, plugin_file_is_runnable, dir, path) &&
	       stat(path, &found) == 0 && stat("/proc/self/exe", &self) == 0 &&
	       found.st_dev == self.st_dev && found.st_ino == self.st_ino;
}
