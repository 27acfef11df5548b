/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "misnamed.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/net_list.h"
#include "input.h"

static const char *const endings[] = {".conflist", ".conf", ".json"};

bool conf_name_is_read(const char *name)
{
	const char *ending = strrchr(name, '.');

	for (size_t i = 0; ending && *name != '.' && i < ARRAY_SIZE(endings); i++)
		if (strcmp(ending, endings[i]) == 0)
			return true;
	return false;
}

/* Does something follow an ending that runtimes read, as in "x.conf.off" and "x.conf~"? */
static bool is_set_aside(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		const char *found = strstr(name, endings[i]);

		if (found && !isalnum((unsigned char)found[strlen(endings[i])]))
			return true;
	}
	return false;
}

static bool may_be_misnamed(const char *path, bool alone)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return *name != '.' && !conf_name_is_read(name) && !is_set_aside(name) &&
	       (!alone || strchr(name, '.'));
}

void misnamed_look(const char *path, bool alone, const char *const *types,
		   struct findings *findings)
{
	_cleanup_(net_list_clear) struct net_list list = {};
	_cleanup_(close_p) int fd = -1;
	_cleanup_(free_p) char *text = NULL;
	struct stat st;
	size_t len;

	if (!may_be_misnamed(path, alone))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    input_read(fd, path, &text, &len, NULL) < 0 ||
	    net_list_read(text, len, types, &list, NULL) < 0 || list.n == 0)
		return;
	finding_add(findings, FINDING_WARNING, 0,
		    "no runtime reads a file of this name; let it end in %s",
		    list.is_list ? ".conflist" : ".conf");
}
