/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text is written aside and synced; it takes its name, and the directory is synced. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int path_join(char path[PATH_MAX], const char *dir, const char *name,
	      struct cni_error *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX)
		return 0;
	return error_set(err, CNI_ERR_IO, ENAMETOOLONG, "%s/%s: too long", dir, name);
}

int file_read(const char *path, char **ret_text, size_t *ret_len, struct cni_error *err)
{
	_cleanup_(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(free_p) char *text = NULL;
	size_t len = 0;
	struct stat st;
	ssize_t got;

	if (fd < 0 && errno == ENOENT)
		return FILE_ABSENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "reading %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_TEXT_MAX)
		return error_set(err, CNI_ERR_IO, EFBIG,
				 "%s is no file of at most %d bytes", path,
				 FILE_TEXT_MAX);
	text = malloc(st.st_size + 1);
	if (!text)
		return error_oom(err);
	while (len < (size_t)st.st_size) {
		got = read(fd, text + len, st.st_size - len);
		if (got < 0 && errno != EINTR)
			return error_errno(err, CNI_ERR_IO, errno, "reading %s", path);
		if (got == 0)
			break;
		len += got > 0 ? got : 0;
	}
	text[len] = '\0';
	*ret_text = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

int dir_sync(const char *dir, struct cni_error *err)
{
	_cleanup_(close_p) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "syncing %s", dir);
	return 0;
}

static int write_aside(const char *path, const char *text, struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;
	size_t left = strlen(text);

	/* An agent that was killed while it wrote has left the file. */
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(err, CNI_ERR_IO, errno, "removing %s", path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(err, CNI_ERR_IO, errno, "making %s", path);
	while (left > 0) {
		ssize_t written = write(fd, text, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return error_errno(err, CNI_ERR_IO, errno, "writing %s", path);
		text += written;
		left -= written;
	}
	if (fsync(fd) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "writing %s", path);
	return 0;
}

int file_replace(const char *dir, const char *name, const char *text,
		 struct cni_error *err)
{
	char aside[PATH_MAX], path[PATH_MAX];
	int ret = path_join(path, dir, name, err);

	if (ret < 0)
		return ret;
	/* Runtimes read *.conf, *.conflist and *.json, which this name isn't. */
	if (snprintf(aside, PATH_MAX, "%s/.%s.new", dir, name) >= PATH_MAX)
		return error_set(err, CNI_ERR_IO, ENAMETOOLONG, "%s/%s: too long", dir,
				 name);
	ret = write_aside(aside, text, err);
	if (ret == 0 && rename(aside, path) < 0)
		ret = error_errno(err, CNI_ERR_IO, errno, "renaming %s to %s", aside,
				  path);
	if (ret < 0) {
		unlink(aside);
		return ret;
	}
	return dir_sync(dir, err);
}

int file_remove(const char *dir, const char *name, struct cni_error *err)
{
	char path[PATH_MAX];
	int ret = path_join(path, dir, name, err);

	if (ret < 0)
		return ret;
	if (unlink(path) < 0) {
		if (errno == ENOENT)
			return 0;
		return error_errno(err, CNI_ERR_IO, errno, "removing %s", path);
	}
	ret = dir_sync(dir, err);
	return ret < 0 ? ret : FILE_REMOVED;
}
