/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes links by symlinkat(), which refuses a name that is taken. */
#include "name_links.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define EXECUTABLE "bridge-cni"

static int dir_open(const char *dir, int *ret_fd, struct cni_error *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, CNI_ERR_IO, errno, "opening the directory %s",
				   dir);
	*ret_fd = fd;
	return 0;
}

/* Does the name lead to the executable that is beside it? */
static bool is_executable(int dir_fd, const char *name, const struct stat *executable)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, 0) == 0 && st.st_dev == executable->st_dev &&
	       st.st_ino == executable->st_ino;
}

static bool is_link(int dir_fd, const char *name)
{
	char text[sizeof(EXECUTABLE)];

	return readlinkat(dir_fd, name, text, sizeof(text)) == sizeof(text) - 1 &&
	       memcmp(text, EXECUTABLE, sizeof(text) - 1) == 0;
}

int name_link_make(const char *dir, const char *name, struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;
	struct stat executable;
	int ret = dir_open(dir, &fd, err);

	if (ret < 0)
		return ret;
	if (fstatat(fd, EXECUTABLE, &executable, 0) < 0)
		return error_errno(err, CNI_ERR_IO, errno,
				   "%s/" EXECUTABLE ", to which the link %s is to lead",
				   dir, name);
	if (symlinkat(EXECUTABLE, fd, name) < 0) {
		if (errno != EEXIST)
			return error_errno(err, CNI_ERR_IO, errno,
					   "making the link %s/%s", dir, name);
		return is_executable(fd, name, &executable) ? 0 : NAME_LINK_TAKEN;
	}
	if (fsync(fd) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "syncing %s", dir);
	return NAME_LINK_DONE;
}

bool name_link_is_there(const char *dir, const char *name)
{
	_cleanup_(close_p) int fd = -1;

	return dir_open(dir, &fd, NULL) == 0 && is_link(fd, name);
}

int name_link_remove(const char *dir, const char *name, struct cni_error *err)
{
	_cleanup_(close_p) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !is_link(fd, name))
		return 0;
	if (unlinkat(fd, name, 0) < 0 || fsync(fd) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "removing the link %s/%s", dir,
				   name);
	return NAME_LINK_DONE;
}

bool name_link_find(const char *name, size_t len, int *ret_place)
{
	for (int i = 0; i < CNI_NAMES; i++) {
		if (strlen(cni_names[i]) != len || memcmp(cni_names[i], name, len) != 0)
			continue;
		*ret_place = i;
		return true;
	}
	return false;
}
