/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories of files and directories, with all that is below them. Symbolic links are
 * taken for what they lead to, except that tree_remove() removes the link.
 */
#ifndef BRIDGE_CNI_AGENT_BASE_FILE_TREE_H
#define BRIDGE_CNI_AGENT_BASE_FILE_TREE_H

#include <stdint.h>

#include "conf/base/error.h"

#define TREE_DEPTH_MAX 4 /* how deeply directories may be nested, where they are hashed */

/*
 * Calls @fn for each entry of @dir, in the order of their names. @fn gets the entry's
 * path, its name and @data, and returns < 0 with the error set to end the walk. Codes 5,
 * and @fn's.
 */
int tree_each(const char *dir,
	      int (*fn)(const char *path, const char *name, void *data,
			struct cni_error *err),
	      void *data, struct cni_error *err);

/* By what two trees are compared, besides the names and kinds of their files. */
enum tree_hash {
	TREE_BY_STAT, /* sizes, times and inodes, by stat(); cheap */
	TREE_BY_CONTENT, /* all bytes of all files */
};

/* Hashes what is in @dir. *@ret_hash is not to be used after an error. Code 5, also where
 * something in it is neither a file nor a directory. */
int tree_hash(const char *dir, enum tree_hash how, uint64_t *ret_hash,
	      struct cni_error *err);

/*
 * Copies what is in @from into the directory @to, which is there and empty. Files that
 * their owner may execute get mode 755, others 644. The copies are on the disk, but
 * whoever needs @to itself there syncs it. Code 5.
 */
int tree_copy(const char *from, const char *to, struct cni_error *err);

/* Removes @path with all that is below it; that there is none is success. Code 5. */
int tree_remove(const char *path, struct cni_error *err);

#endif
