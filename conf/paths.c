/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares paths, component by component. */
#include "paths.h"

#include <string.h>

bool path_is_plain(const char *path)
{
	if (*path != '/')
		return false;
	while (*path) {
		const char *name = path + 1;
		size_t len = strcspn(name, "/");

		path = name + len;
		if (len == 0 && *path)
			return false;
		if ((len == 1 && name[0] == '.') ||
		    (len == 2 && name[0] == '.' && name[1] == '.'))
			return false;
	}
	return true;
}

size_t path_below(const char *prefix, const char *path)
{
	size_t len = strlen(prefix);

	while (len > 0 && prefix[len - 1] == '/')
		len--;
	if (!path_is_plain(path) || strncmp(path, prefix, len) != 0 ||
	    (path[len] != '/' && path[len]))
		return 0;
	return len ? len : 1; /* "/" */
}
