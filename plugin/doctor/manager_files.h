/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of network managers: several directories, in which the first file of a name hides
 * the others, and lines KEY=VALUE in sections. */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_MANAGER_FILES_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_MANAGER_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define MANAGER_FILE_MAX 65536 /* bytes of a file that are read */

struct manager_file_list {
	struct manager_file {
		char name[NAME_MAX + 1];
		const char *dir;
	} * items; /* sorted by their names */
	size_t n;
};

/* Lists the files of @sub, which is "", or "/NAME", in each of the directories. */
void manager_files_list(const char *const *dirs, const char *sub, const char *suffix,
			struct manager_file_list *list);

/* Returns how many bytes the file has; 0: it is empty, or can't be read. */
size_t manager_file_read(const struct manager_file *file, const char *sub,
			 char text[MANAGER_FILE_MAX]);

/* Hands each "KEY=VALUE" of the text to @fn, with its section; @text is changed. */
void manager_keys_each(char *text,
		       void (*fn)(const char *section, const char *key, const char *value,
				  void *data),
		       void *data);

#endif
