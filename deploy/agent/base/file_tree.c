/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each operation is a function that tree_each() calls and that calls it in turn. */
#include "file_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "conf/identity.h"
#include "files.h"

int tree_each(const char *dir,
	      int (*fn)(const char *path, const char *name, void *data,
			struct cni_error *err),
	      void *data, struct cni_error *err)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, NULL, alphasort), ret = 0;

	if (n < 0)
		return error_errno(err, CNI_ERR_IO, errno, "reading %s", dir);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		char path[PATH_MAX];

		if (ret == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			ret = path_join(path, dir, name, err);
			if (ret == 0)
				ret = fn(path, name, data, err);
		}
		free(entries[i]);
	}
	free(entries);
	return ret;
}

/* -- hashing */

struct hashing {
	uint64_t hash;
	enum tree_hash how;
	int depth;
};

static void add(struct hashing *hashing, const void *data, size_t len)
{
	hashing->hash = hash_more(hashing->hash, data, len);
}

static int add_content(const char *path, struct hashing *hashing, struct cni_error *err)
{
	_cleanup_(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[16384];
	ssize_t got = fd < 0 ? -1 : 0;

	while (fd >= 0 && (got = read(fd, buffer, sizeof(buffer))) > 0)
		add(hashing, buffer, got);
	return got < 0 ? error_errno(err, CNI_ERR_IO, errno, "reading %s", path) : 0;
}

static int add_entry(const char *path, const char *name, void *data,
		     struct cni_error *err)
{
	struct hashing *hashing = data;
	struct stat st;
	mode_t mode;
	int ret = 0;

	if (stat(path, &st) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "looking at %s", path);
	/* The open of a FIFO would wait for ever. */
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return error_set(err, CNI_ERR_IO, EINVAL,
				 "%s is neither a file nor a directory", path);
	mode = st.st_mode & (S_IFMT | S_IXUSR);
	add(hashing, name, strlen(name) + 1);
	add(hashing, &mode, sizeof(mode));
	if (S_ISDIR(st.st_mode)) {
		if (++hashing->depth > TREE_DEPTH_MAX)
			return error_set(err, CNI_ERR_IO, ELOOP, "%s: nested too deeply",
					 path);
		ret = tree_each(path, add_entry, hashing, err);
		hashing->depth--;
	} else if (hashing->how == TREE_BY_CONTENT) {
		ret = add_content(path, hashing, err);
	} else {
		add(hashing, &st.st_size, sizeof(st.st_size));
		add(hashing, &st.st_ino, sizeof(st.st_ino));
		add(hashing, &st.st_mtim, sizeof(st.st_mtim));
		add(hashing, &st.st_ctim, sizeof(st.st_ctim));
	}
	return ret;
}

int tree_hash(const char *dir, enum tree_hash how, uint64_t *ret_hash,
	      struct cni_error *err)
{
	struct hashing hashing = {.hash = hash_text(BRIDGE_CNI_VERSION), .how = how};
	int ret = tree_each(dir, add_entry, &hashing, err);

	*ret_hash = hashing.hash;
	return ret;
}

/* -- copying and removing */

static int copy_file(const char *from, const char *to, const struct stat *st,
		     struct cni_error *err)
{
	_cleanup_(close_p) int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_(close_p) int out = -1;
	ssize_t sent = 1;

	if (in < 0)
		return error_errno(err, CNI_ERR_IO, errno, "reading %s", from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		   st->st_mode & S_IXUSR ? 0755 : 0644);
	if (out < 0)
		return error_errno(err, CNI_ERR_IO, errno, "making %s", to);
	while (sent > 0)
		sent = sendfile(out, in, NULL, 1 << 20);
	if (sent < 0 || fsync(out) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "writing %s", to);
	return 0;
}

static int copy_entry(const char *from, const char *name, void *data,
		      struct cni_error *err)
{
	const char *const *dir = data;
	char to[PATH_MAX];
	struct stat st;
	int ret = path_join(to, *dir, name, err);

	if (ret < 0)
		return ret;
	if (stat(from, &st) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "looking at %s", from);
	if (!S_ISDIR(st.st_mode))
		return copy_file(from, to, &st, err);
	if (mkdir(to, 0755) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "making %s", to);
	ret = tree_each(from, copy_entry, &(const char *){to}, err);
	return ret < 0 ? ret : dir_sync(to, err);
}

int tree_copy(const char *from, const char *to, struct cni_error *err)
{
	return tree_each(from, copy_entry, &to, err);
}

/* Removes @name in the directory @dir_fd. A link is removed, never followed, also where
 * it takes a directory's place in the meantime. */
static int remove_at(int dir_fd, const char *name, struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;
	struct dirent **entries = NULL;
	int n, ret = 0;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return error_errno(err, CNI_ERR_IO, errno, "removing %s", name);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	n = fd < 0 ? -1 : scandirat(fd, ".", &entries, NULL, NULL);
	if (n < 0)
		return error_errno(err, CNI_ERR_IO, errno, "reading %s", name);
	for (int i = 0; i < n; i++) {
		const char *entry = entries[i]->d_name;

		if (ret == 0 && strcmp(entry, ".") != 0 && strcmp(entry, "..") != 0)
			ret = remove_at(fd, entry, err);
		free(entries[i]);
	}
	free(entries);
	if (ret < 0)
		error_wrap(err, "%s", name);
	else if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0)
		ret = error_errno(err, CNI_ERR_IO, errno, "removing %s", name);
	return ret;
}

int tree_remove(const char *path, struct cni_error *err)
{
	return remove_at(AT_FDCWD, path, err);
}
