/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copying a directory of files and directories; links are taken for what they lead to. */
#include "install.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "conf/identity.h"
#include "deploy/agent/base/files.h"

#define VERSIONS_DIR ".bridge-cni"
#define ASIDE	     ".new"
#define PROGRAM	     "bridge-cni"
#define DEPTH_MAX    4

static int path_join(char path[PATH_MAX], const char *dir, const char *name,
		     struct cni_error *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX)
		return 0;
	return error_set(err, CNI_ERR_IO, ENAMETOOLONG, "%s/%s: too long", dir, name);
}

/* Calls @fn for all that is in @dir, by name, so that the order is always the same. */
static int each(const char *dir,
		int (*fn)(const char *path, const char *name, void *data,
			  struct cni_error *err),
		void *data, struct cni_error *err)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, NULL, alphasort), r = 0;

	if (n < 0)
		return error_errno(err, CNI_ERR_IO, errno, "reading %s", dir);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		char path[PATH_MAX];

		if (r == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			r = path_join(path, dir, name, err);
			if (r == 0)
				r = fn(path, name, data, err);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* -- what is there */

struct sum {
	uint64_t hash;
	bool content; /* else by stat: size, times, inode */
	int depth;
};

static void add(struct sum *sum, const void *data, size_t len)
{
	sum->hash = hash_more(sum->hash, data, len);
}

static int sum_file(const char *path, struct sum *sum, struct cni_error *err)
{
	_cleanup_(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[16384];
	ssize_t got = fd < 0 ? -1 : 0;

	while (fd >= 0 && (got = read(fd, buffer, sizeof(buffer))) > 0)
		add(sum, buffer, got);
	return got < 0 ? error_errno(err, CNI_ERR_IO, errno, "reading %s", path) : 0;
}

static int sum_entry(const char *path, const char *name, void *data,
		     struct cni_error *err)
{
	struct sum *sum = data;
	struct stat st;
	mode_t mode;
	int r = 0;

	if (stat(path, &st) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "looking at %s", path);
	mode = st.st_mode & (S_IFMT | S_IXUSR);
	add(sum, name, strlen(name) + 1);
	add(sum, &mode, sizeof(mode));
	if (S_ISDIR(st.st_mode)) {
		if (++sum->depth > DEPTH_MAX)
			return error_set(err, CNI_ERR_IO, ELOOP, "%s: nested too deeply",
					 path);
		r = each(path, sum_entry, sum, err);
		sum->depth--;
	} else if (sum->content) {
		r = sum_file(path, sum, err);
	} else {
		add(sum, &st.st_size, sizeof(st.st_size));
		add(sum, &st.st_ino, sizeof(st.st_ino));
		add(sum, &st.st_mtim, sizeof(st.st_mtim));
		add(sum, &st.st_ctim, sizeof(st.st_ctim));
	}
	return r;
}

static int sum_of(const char *dir, bool content, uint64_t *ret_hash,
		  struct cni_error *err)
{
	struct sum sum = {.hash = hash_text(BRIDGE_CNI_VERSION), .content = content};
	int r = each(dir, sum_entry, &sum, err);

	*ret_hash = sum.hash;
	return r;
}

/* -- changing it */

static int remove_tree(const char *path, const char *name, void *data,
		       struct cni_error *err)
{
	int r = 0;

	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return error_errno(err, CNI_ERR_IO, errno, "removing %s", path);
	(void)name;
	r = each(path, remove_tree, data, err);
	if (r == 0 && rmdir(path) < 0)
		r = error_errno(err, CNI_ERR_IO, errno, "removing %s", path);
	return r;
}

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
	const char *dir = data;
	char to[PATH_MAX];
	struct stat st;
	int r = path_join(to, dir, name, err);

	if (r < 0)
		return r;
	if (stat(from, &st) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "looking at %s", from);
	if (!S_ISDIR(st.st_mode))
		return copy_file(from, to, &st, err);
	if (mkdir(to, 0755) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "making %s", to);
	r = each(from, copy_entry, to, err);
	return r < 0 ? r : dir_sync(to, err);
}

/* The version's directory, whole. What is there under its name was damaged: it goes first. */
static int put_version(const struct install *install, const char *versions,
		       const char *target, struct cni_error *err)
{
	char aside[PATH_MAX];
	uint64_t copied;
	int r = path_join(aside, versions, ASIDE, err);

	if (r == 0)
		r = remove_tree(aside, ASIDE, NULL, err);
	if (r == 0 && mkdir(aside, 0755) < 0)
		r = error_errno(err, CNI_ERR_IO, errno, "making %s", aside);
	if (r == 0)
		r = each(install->from, copy_entry, aside, err);
	if (r == 0)
		r = sum_of(aside, true, &copied, err);
	if (r == 0 && copied != install->content)
		r = error_set(err, CNI_ERR_TRY_AGAIN, EAGAIN,
			      "%s changed while it was copied", install->from);
	if (r == 0)
		r = dir_sync(aside, err);
	if (r == 0 && renameat2(AT_FDCWD, aside, AT_FDCWD, target, RENAME_EXCHANGE) == 0)
		r = remove_tree(aside, ASIDE, NULL, err);
	else if (r == 0 && rename(aside, target) < 0)
		r = error_errno(err, CNI_ERR_IO, errno, "renaming %s to %s", aside,
				target);
	return r < 0 ? r : dir_sync(versions, err);
}

static int put_link(const struct install *install, const char *link_text,
		    struct cni_error *err)
{
	char aside[PATH_MAX], path[PATH_MAX];
	int r = path_join(aside, install->to, "." PROGRAM ASIDE, err);

	if (r == 0)
		r = path_join(path, install->to, PROGRAM, err);
	if (r < 0)
		return r;
	if (unlink(aside) < 0 && errno != ENOENT)
		return error_errno(err, CNI_ERR_IO, errno, "removing %s", aside);
	if (symlink(link_text, aside) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "making %s", aside);
	if (rename(aside, path) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "renaming %s to %s", aside,
				   path);
	return dir_sync(install->to, err);
}

struct keep {
	const char *now;
	char before[PATH_MAX]; /* where the link led */
};

static int remove_older(const char *path, const char *name, void *data,
			struct cni_error *err)
{
	const struct keep *keep = data;
	const char *before = strstr(keep->before, name);

	if (strcmp(name, keep->now) == 0 ||
	    (before && before > keep->before && before[-1] == '/' &&
	     before[strlen(name)] == '/'))
		return 0;
	return remove_tree(path, name, NULL, err);
}

static int put(struct install *install, const char *versions, const char *target,
	       const char *link_text, struct cni_error *err)
{
	struct keep keep = {.now = install->version};
	char link_path[PATH_MAX];
	uint64_t is = 0;
	struct cni_error ignored = {};
	bool right;
	int r = 0;

	if (mkdir(versions, 0755) < 0 && errno != EEXIST)
		return error_errno(err, CNI_ERR_IO, errno, "making %s", versions);
	right = sum_of(target, true, &is, &ignored) == 0 && is == install->content;
	if (!right)
		r = put_version(install, versions, target, err);
	if (r == 0)
		r = path_join(link_path, install->to, PROGRAM, err);
	if (r < 0)
		return r;
	if (readlink(link_path, keep.before, sizeof(keep.before) - 1) >= 0 &&
	    strcmp(keep.before, link_text) == 0)
		return !right;
	r = put_link(install, link_text, err);
	if (r == 0)
		r = each(versions, remove_older, &keep, err);
	return r < 0 ? r : 1;
}

/* What would differ if anybody had touched the link or a file behind it. */
static uint64_t look(const char *target, const char *link_path)
{
	struct cni_error ignored = {};
	struct sum sum = {};
	char text[PATH_MAX] = "";

	if (sum_of(target, false, &sum.hash, &ignored) < 0 ||
	    readlink(link_path, text, sizeof(text) - 1) < 0)
		return 0;
	add(&sum, text, strlen(text));
	return sum.hash;
}

/* A package may upgrade the bundle under the agent that runs, or be about to. */
static int read_bundle(struct install *install, struct cni_error *err)
{
	uint64_t seen;
	int r = sum_of(install->from, false, &seen, err);

	if (r < 0 || seen == install->source)
		return r;
	r = sum_of(install->from, true, &install->content, err);
	if (r < 0)
		return r;
	snprintf(install->version, sizeof(install->version), "%s-%016llx",
		 BRIDGE_CNI_VERSION, (unsigned long long)install->content);
	install->source = seen;
	install->look = 0;
	return 0;
}

int install_ensure(struct install *install, struct cni_error *err)
{
	char versions[PATH_MAX], target[PATH_MAX], link_path[PATH_MAX], text[PATH_MAX];
	int r = read_bundle(install, err);

	if (r == 0)
		r = path_join(versions, install->to, VERSIONS_DIR, err);
	if (r == 0)
		r = path_join(target, versions, install->version, err);
	if (r == 0)
		r = path_join(link_path, install->to, PROGRAM, err);
	if (r < 0 || (install->look && look(target, link_path) == install->look))
		return r;
	snprintf(text, sizeof(text), VERSIONS_DIR "/%s/" PROGRAM, install->version);
	r = put(install, versions, target, text, err);
	if (r >= 0)
		install->look = look(target, link_path);
	else if (r == -EAGAIN)
		install->source = 0;
	return r;
}
