/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No file is opened: containerd refuses to go on behind one that it can't read. */
#include "conf_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/base/util.h"

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Does libcni take the entry for a configuration? It leaves out directories, and not what
 * begins with a dot. */
static bool is_configuration(DIR *dir, const char *name)
{
	const char *suffix = strrchr(name, '.');
	struct stat st;

	return suffix &&
	       (strcmp(suffix, ".conflist") == 0 || strcmp(suffix, ".conf") == 0 ||
		strcmp(suffix, ".json") == 0) &&
	       fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !S_ISDIR(st.st_mode);
}

size_t conf_dir_count(const char *conf_dir, const char *before,
		      char ret_first[NAME_MAX + 1])
{
	_cleanup_(closedir_p) DIR *dir = opendir(conf_dir);
	struct dirent *entry;
	size_t n = 0;

	ret_first[0] = '\0';
	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if ((before && strcmp(name, before) >= 0) || !is_configuration(dir, name))
			continue;
		if (!n || strcmp(name, ret_first) < 0)
			snprintf(ret_first, NAME_MAX + 1, "%s", name);
		n++;
	}
	return n;
}
