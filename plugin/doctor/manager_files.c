/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manager_files.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/base/list.h"
#include "conf/base/util.h"

static int file_cmp(const void *a, const void *b)
{
	const struct manager_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), end = strlen(suffix);

	return len > end && strcmp(name + len - end, suffix) == 0;
}

static bool has_file(const struct manager_file_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return true;
	return false;
}

void manager_files_list(const char *const *dirs, const char *sub, const char *suffix,
			struct manager_file_list *list)
{
	for (; *dirs; dirs++) {
		char path[PATH_MAX];
		const struct dirent *entry;
		DIR *opened;

		snprintf(path, sizeof(path), "%s%s", *dirs, sub);
		opened = opendir(path);
		while (opened && (entry = readdir(opened))) {
			struct manager_file *added;

			if (!has_suffix(entry->d_name, suffix) ||
			    has_file(list, entry->d_name))
				continue;
			added = LIST_ADD(list);
			if (!added)
				break;
			snprintf(added->name, sizeof(added->name), "%s", entry->d_name);
			added->dir = *dirs;
		}
		if (opened)
			closedir(opened);
	}
	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), file_cmp);
}

size_t manager_file_read(const struct manager_file *file, const char *sub,
			 char text[MANAGER_FILE_MAX])
{
	char path[PATH_MAX];
	_cleanup_(close_p) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s%s/%s", file->dir, sub, file->name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -1 : read(fd, text, MANAGER_FILE_MAX - 1);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? n : 0;
}

static char *trimmed(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

void manager_keys_each(char *text,
		       void (*fn)(const char *section, const char *key, const char *value,
				  void *data),
		       void *data)
{
	char *line, *section = "";

	while ((line = strsep(&text, "\n"))) {
		char *value;

		line = trimmed(line);
		if (*line == '[') {
			section = line + 1;
			section[strcspn(section, "]")] = '\0';
			continue;
		}
		value = strchr(line, '=');
		if (*line == '#' || *line == ';' || !value)
			continue;
		*value++ = '\0';
		fn(section, trimmed(line), trimmed(value), data);
	}
}
