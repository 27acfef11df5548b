/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that others may read at any moment. A new text is written to a file beside, which
 * then takes the name by rename: a reader finds all of the old text or all of the new
 * one.
 */
#ifndef BRIDGE_CNI_AGENT_BASE_FILES_H
#define BRIDGE_CNI_AGENT_BASE_FILES_H

#include <limits.h>

#include "conf/base/error.h"

#define FILE_TEXT_MAX (1024 * 1024) /* bytes; a longer file is not read */

/* Outcomes other than 0 and an error. */
#define FILE_ABSENT  1 /* of file_read(): there is no such file */
#define FILE_REMOVED 1 /* of file_remove(): the file was there */

/* Writes "DIR/NAME" to @path. Code 5: it is too long. */
int path_join(char path[PATH_MAX], const char *dir, const char *name,
	      struct cni_error *err);

/*
 * Reads a regular file of at most FILE_TEXT_MAX bytes. The caller frees *@ret_text, which
 * ends in a NUL that *@ret_len doesn't count. FILE_ABSENT: nothing was read. Codes 5,
 * 100.
 */
int file_read(const char *path, char **ret_text, size_t *ret_len, struct cni_error *err);

/*
 * Makes @text the text of the file @name in @dir; it is there after a power cut, too.
 * While the text is written, it is in the file ".NAME.new". Code 5.
 */
int file_replace(const char *dir, const char *name, const char *text,
		 struct cni_error *err);

/*
 * Removes the file @name from @dir; it is gone after a power cut, too. FILE_REMOVED: it
 * was there, 0: there was none. Code 5.
 */
int file_remove(const char *dir, const char *name, struct cni_error *err);

/* Sees to it that what was made or renamed in @dir is there after a power cut. Code 5. */
int dir_sync(const char *dir, struct cni_error *err);

#endif
