/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directories of the store are made, opened and locked here. Their files are those of
 * reservation.c, last_reserved.c and record_file.c.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_MODE 0640 /* whoever can read it could lock it */
#define DIR_MODE  0755 /* host-local's */
#define OWN_MODE  0700

static const struct {
	int errnum;
	const char *hint;
} hints[] = {
	{EACCES, "the plugin must run as root"},
	{EDQUOT, "free space or raise the quota of the file system of ipam.dataDir"},
	{EIO, "look for disk errors in the kernel's log"},
	{EISDIR, "a directory stands where the store keeps a file: remove it"},
	{ELOOP, "a symbolic link stands where the store keeps a file: remove it"},
	{ENOSPC, "free space or inodes on the file system of ipam.dataDir"},
	{ENOTDIR, "ipam.dataDir and what is above it must be directories"},
	{EPERM, "run as root; look for an immutable flag with lsattr"},
	{EROFS, "remount the file system read-write or set ipam.dataDir to another one"},
	{EXDEV, "a network's directory and ipam.dataDir/.bridge-cni must be on one file "
		"system"},
};

int store_file_error(const char *dir, const char *name, int errnum, const char *what,
		     struct cni_error *err)
{
	int ret;

	ret = error_errno(err, CNI_ERR_IO, errnum, "can't %s %s%s%s", what, dir,
			  name ? "/" : "", name ? name : "");
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].errnum == errnum)
			error_details(err, "%s", hints[i].hint);
	return ret;
}

/*
 * Makes a directory and those above it, with modes that the umask doesn't narrow: @mode
 * is the last one's, the others get host-local's. @path is changed meanwhile, and as
 * before afterwards. 0 or -errno.
 */
static int make_dirs(char *path, mode_t mode)
{
	for (char *slash = path;;) {
		int ret;

		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(path, slash ? DIR_MODE : mode) == 0)
			ret = chmod(path, slash ? DIR_MODE : mode) == 0 ? 0 : -errno;
		else
			ret = errno == EEXIST ? 0 : -errno;
		if (slash)
			*slash = '/';
		if (ret < 0 || !slash)
			return ret;
	}
}

/* Opens the directory before it makes anything: all but the first ADD of a
 * network find it. */
static int open_dir(char *path, bool create, mode_t mode, int *ret_fd, bool *ret_made,
		    struct cni_error *err)
{
	/* A network's directory may be a symbolic link, as for host-local. Ours
	 * is never one. */
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC |
			  (mode == OWN_MODE ? O_NOFOLLOW : 0);
	int fd, ret;

	fd = open(path, flags);
	if (fd < 0 && errno == ENOENT && create) {
		ret = make_dirs(path, mode);
		if (ret < 0)
			return store_file_error(path, NULL, -ret, "make", err);
		*ret_made = true;
		fd = open(path, flags);
	}
	/* Where a file stands in the way, there is no store either. */
	if (fd < 0 && !create && (errno == ENOENT || errno == ENOTDIR))
		return STORE_ABSENT;
	if (fd < 0)
		return store_file_error(path, NULL, errno, "open", err);
	*ret_fd = fd;
	return 0;
}

/* Waits for the lock on @fd, which is @file in @dir, or @dir itself where that is
 * NULL. */
static int lock_wait(int fd, const char *dir, const char *file, unsigned int wait_ms,
		     flock_tell_fn tell, struct cni_error *err)
{
	char path[PATH_MAX] = "";
	int ret;

	if (tell)
		snprintf(path, sizeof(path), "%s%s%s", dir, file ? "/" : "",
			 file ? file : "");
	ret = flock_wait_telling(fd, LOCK_EX, wait_ms, tell, path);
	if (ret == -ETIMEDOUT) {
		error_set(err, CNI_ERR_TRY_AGAIN, ETIMEDOUT,
			  "the store's lock %s%s%s was not free for %u.%03u seconds", dir,
			  file ? "/" : "", file ? file : "", wait_ms / 1000,
			  wait_ms % 1000);
		error_details(err, "who holds it: fuser -v %s%s%s", dir, file ? "/" : "",
			      file ? file : "");
		return ret;
	}
	return ret < 0 ? store_file_error(dir, file, -ret, "lock", err) : 0;
}

/*
 * Takes host-local's lock, flock() on this very file (its disk/lock.go), where its
 * directory is there. The directory itself is locked instead where the file isn't there
 * and can't be made: an operation that adds nothing needs no room. The directory of the
 * records is locked as well: another operation may have begun when there was none of
 * host-local's yet, and has locked that of the records alone.
 */
static int take_lock(struct store *store, enum store_mode mode, unsigned int wait_ms,
		     flock_tell_fn tell, struct cni_error *err)
{
	const char *file = STORE_LOCK_FILE;
	int ret = 0, fd = store->dir_fd;

	if (store->dir_fd >= 0) {
		store->lock_fd = openat(store->dir_fd, file,
					O_RDONLY | O_CREAT | STORE_OPEN_FLAGS, LOCK_MODE);
		if (store->lock_fd < 0 &&
		    (mode != STORE_EXISTING || !lock_has_no_room(errno)))
			return store_file_error(store->path, file, errno, "open", err);
		if (store->lock_fd >= 0)
			fd = store->lock_fd;
		else
			file = NULL;
		ret = lock_wait(fd, store->path, file, wait_ms, tell, err);
	}
	if (ret == 0 && store->own_fd >= 0)
		ret = lock_wait(store->own_fd, store->own_path, NULL, wait_ms, tell, err);
	return ret;
}

static int open_dirs(struct store *store, enum store_mode mode, struct cni_error *err)
{
	bool makes = mode == STORE_CREATE || mode == STORE_RECORDS, made;
	int ret;

	ret = open_dir(store->path, mode == STORE_CREATE, DIR_MODE, &store->dir_fd, &made,
		       err);
	if (ret < 0)
		return ret;
	ret = open_dir(store->own_path, makes, OWN_MODE, &store->own_fd, &store->own_made,
		       mode == STORE_LOOK ? NULL : err);
	if (ret < 0 && mode == STORE_LOOK)
		store->own_errnum = -ret;
	else if (ret < 0)
		return ret;
	return store->dir_fd < 0 && store->own_fd < 0 && !store->own_errnum ? STORE_ABSENT
									    : 0;
}

int store_make_own(struct store *store, struct cni_error *err)
{
	return store->own_fd >= 0 ? 0
				  : open_dir(store->own_path, true, OWN_MODE,
					     &store->own_fd, &store->own_made, err);
}

static int write_aside(const struct store *store, const char *text, struct cni_error *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | STORE_OPEN_FLAGS;
	_cleanup_(close_p) int fd = -1;
	size_t len = strlen(text);
	ssize_t n;

	fd = openat(store->own_fd, STORE_ASIDE_FILE, flags, 0600);
	if (fd < 0 && errno == EEXIST) {
		/* An ADD that was killed left it. */
		unlinkat(store->own_fd, STORE_ASIDE_FILE, 0);
		fd = openat(store->own_fd, STORE_ASIDE_FILE, flags, 0600);
	}
	if (fd < 0)
		return store_file_error(store->own_path, STORE_ASIDE_FILE, errno, "make",
					err);
	n = write(fd, text, len);
	if (n < 0 || (size_t)n != len)
		return store_file_error(store->own_path, STORE_ASIDE_FILE,
					n < 0 ? errno : ENOSPC, "write", err);
	return 0;
}

int store_file_write(const struct store *store, const char *name, const char *text,
		     struct cni_error *err)
{
	int ret = write_aside(store, text, err);

	if (ret == 0 &&
	    renameat(store->own_fd, STORE_ASIDE_FILE, store->own_fd, name) < 0)
		ret = store_file_error(store->own_path, name, errno, "make", err);
	if (ret < 0)
		unlinkat(store->own_fd, STORE_ASIDE_FILE, 0);
	return ret;
}

int store_open_telling(const char *data_dir, const char *network, enum store_mode mode,
		       unsigned int wait_ms, flock_tell_fn tell, struct store *ret_store,
		       struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret;

	store.network = network;
	if (asprintf(&store.path, "%s/%s", data_dir, network) < 0) {
		store.path = NULL;
		return error_oom(err);
	}
	if (asprintf(&store.own_path, "%s/.bridge-cni/%s", data_dir, network) < 0) {
		store.own_path = NULL;
		return error_oom(err);
	}
	ret = open_dirs(&store, mode, err);
	if (ret == 0 && mode != STORE_LOOK)
		ret = take_lock(&store, mode, wait_ms, tell, err);
	if (ret != 0)
		return ret;

	*ret_store = store;
	store = STORE_CLOSED;
	return 0;
}

int store_open(const char *data_dir, const char *network, enum store_mode mode,
	       unsigned int wait_ms, struct store *ret_store, struct cni_error *err)
{
	return store_open_telling(data_dir, network, mode, wait_ms, NULL, ret_store, err);
}

void store_close(struct store *store)
{
	store_discard(store);
	table_close(&store->table);
	close_p(&store->lock_fd);
	close_p(&store->own_fd);
	close_p(&store->dir_fd);
	free(store->own_path);
	free(store->path);
	*store = STORE_CLOSED;
}
