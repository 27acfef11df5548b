/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files are told by their names alone: containerd refuses to go on behind one that it
 * can't read. */
#include "shadow.h"

#include <dirent.h>
#include <fcntl.h>
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

static void find(const struct shadow *shadow, struct shadow *ret_now)
{
	_cleanup_(closedir_p) DIR *dir = opendir(shadow->options->conf_dir);
	const char *own = shadow->options->conflist;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (strcmp(name, own) >= 0 || !is_configuration(dir, name))
			continue;
		if (!ret_now->n || strcmp(name, ret_now->first) < 0)
			snprintf(ret_now->first, sizeof(ret_now->first), "%s", name);
		ret_now->n++;
	}
}

void shadow_look(struct shadow *shadow)
{
	struct shadow now = {.options = shadow->options, .log = shadow->log};

	find(shadow, &now);
	if (now.n && strcmp(now.first, shadow->first) != 0)
		log_write(
			shadow->log, LOG_LEVEL_WARN,
			"a configuration of somebody else sorts before the agent's: "
			"runtimes take it for new pods; remove it, unless it hands pods "
			"on to the agent's, as that of Multus does",
			"file", now.first, "directory", shadow->options->conf_dir, "own",
			shadow->options->conflist, NULL);
	if (!now.n && shadow->n)
		log_write(shadow->log, LOG_LEVEL_INFO,
			  "no other configuration sorts before the agent's any more",
			  "file", shadow->first, NULL);
	*shadow = now;
}
