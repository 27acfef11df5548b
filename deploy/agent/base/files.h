/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that others read at any moment: written aside and renamed, never half there. */
#ifndef BRIDGE_CNI_AGENT_FILES_H
#define BRIDGE_CNI_AGENT_FILES_H

#include "conf/base/error.h"

#define FILE_TEXT_MAX (1024 * 1024)

/* All of it, NUL behind; -ENOENT without an error set. Code 5. */
int file_read(const char *path, char **ret_text, size_t *ret_len, struct cni_error *err);

/* The file in @dir has this text from now on, also after a power cut. Code 5. */
int file_replace(const char *dir, const char *name, const char *text,
		 struct cni_error *err);

/* It isn't there from now on. 1: it was. */
int file_remove(const char *dir, const char *name, struct cni_error *err);

/* What was renamed in @dir stays so. */
int dir_sync(const char *dir, struct cni_error *err);

#endif
