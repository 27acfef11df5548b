/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a parameter before writing it: most have the value already. */
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VALUE_MAX 32

static int path_format(char path[NAME_MAX], struct cni_error *err, const char *fmt,
		       va_list args)
{
	size_t prefix = strlen(SYSCTL_ROOT);
	int len;

	memcpy(path, SYSCTL_ROOT, prefix);
	len = vsnprintf(path + prefix, NAME_MAX - prefix, fmt, args);
	if (len < 0 || (size_t)len >= NAME_MAX - prefix)
		return error_set(err, CNI_ERR_INTERNAL, ENAMETOOLONG,
				 "the name of a kernel parameter is too long");
	return 0;
}

/* @path: from the directory @dir on, whose path is @dir_path; AT_FDCWD and "" for a whole
 * path. */
static int value_read(int dir, const char *dir_path, const char *path, int *ret_value,
		      struct cni_error *err)
{
	_cleanup_(close_p) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	char text[VALUE_MAX];
	ssize_t len = -1;

	if (fd < 0 && errno == ENOENT)
		return SYSCTL_ABSENT;
	if (fd >= 0)
		len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return error_errno(err, CNI_ERR_IO, errno, "reading %s%s", dir_path,
				   path);
	text[len] = '\0';
	*ret_value = (int)strtol(text, NULL, 10);
	return 0;
}

int sysctl_get(int *ret_value, struct cni_error *err, const char *fmt, ...)
{
	char path[NAME_MAX];
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = path_format(path, err, fmt, args);
	va_end(args);
	return ret < 0 ? ret : value_read(AT_FDCWD, "", path, ret_value, err);
}

/* In a container /proc/sys is mounted read-only. Another mount of it that can be written
 * to is then given at another path. */
static int writable_path(const char *path, char ret_path[PATH_MAX], struct cni_error *err)
{
	const char *root = getenv(SYSCTL_ROOT_ENV), *name = path + strlen(SYSCTL_ROOT);
	int len = root && root[0] ? snprintf(ret_path, PATH_MAX, "%s/%s", root, name)
				  : snprintf(ret_path, PATH_MAX, "%s", path);

	if (len >= PATH_MAX)
		return error_set(err, CNI_ERR_ENVIRONMENT, ENAMETOOLONG,
				 SYSCTL_ROOT_ENV " is too long");
	return 0;
}

/* @dir, @dir_path and @path as of value_read(). */
static int value_write(int dir, const char *dir_path, const char *path, int value,
		       struct cni_error *err)
{
	_cleanup_(close_p) int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	char text[VALUE_MAX];
	int len = snprintf(text, sizeof(text), "%d", value);
	int ret;

	if (fd >= 0 && write(fd, text, len) == len)
		return 0;
	ret = error_errno(err, CNI_ERR_IO, errno, "writing %s to %s%s", text, dir_path,
			  path);
	if (ret == -EROFS || ret == -EACCES || ret == -EPERM)
		error_details(err,
			      "set it on the node, mount /proc/sys so that it can be "
			      "written to, or name another mount of " SYSCTL_ROOT
			      " in " SYSCTL_ROOT_ENV);
	return ret;
}

static _noinline_ int write_whole_path(const char *path, int value, struct cni_error *err)
{
	char writable[PATH_MAX];
	int ret = writable_path(path, writable, err);

	return ret < 0 ? ret : value_write(AT_FDCWD, "", writable, value, err);
}

bool sysctl_is_writable(const char *fmt, ...)
{
	char path[NAME_MAX], writable[PATH_MAX];
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = path_format(path, NULL, fmt, args);
	va_end(args);
	if (ret < 0 || writable_path(path, writable, NULL) < 0)
		return false;
	return access(writable, W_OK) == 0;
}

int sysctl_ensure(int value, struct cni_error *err, const char *fmt, ...)
{
	char path[NAME_MAX];
	va_list args;
	int ret, now = 0;

	va_start(args, fmt);
	ret = path_format(path, err, fmt, args);
	va_end(args);
	if (ret == 0)
		ret = value_read(AT_FDCWD, "", path, &now, err);
	return ret != 0 || now == value ? ret : write_whole_path(path, value, err);
}

/* Judges an error of value_write(): a parameter that has the value already is right. */
static int written(int ret, int dir, const char *path, int value, struct cni_error *err)
{
	int now = 0;

	if (ret == -ENOENT) {
		error_clear(err);
		return SYSCTL_ABSENT;
	}
	if (ret < 0 && value_read(dir, "", path, &now, NULL) == 0 && now == value)
		return error_clear(err);
	return ret;
}

int sysctl_set(int value, struct cni_error *err, const char *fmt, ...)
{
	char path[NAME_MAX];
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = path_format(path, err, fmt, args);
	va_end(args);
	if (ret < 0)
		return ret;
	ret = write_whole_path(path, value, err);
	return written(ret, AT_FDCWD, path, value, err);
}

int sysctl_dir_open(struct sysctl_dir *ret_dir, struct cni_error *err, const char *fmt,
		    ...)
{
	char path[NAME_MAX];
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = path_format(path, err, fmt, args);
	va_end(args);
	if (ret == 0)
		ret = writable_path(path, ret_dir->path, err);
	if (ret < 0)
		return ret;
	ret_dir->fd = open(ret_dir->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret_dir->fd >= 0)
		return 0;
	if (errno == ENOENT)
		return SYSCTL_ABSENT;
	return error_errno(err, CNI_ERR_IO, errno, "opening %s", ret_dir->path);
}

void sysctl_dir_close(struct sysctl_dir *dir)
{
	close_p(&dir->fd);
	dir->fd = -1;
}

int sysctl_dir_set(const struct sysctl_dir *dir, const char *name, int value,
		   struct cni_error *err)
{
	int ret = value_write(dir->fd, dir->path, name, value, err);

	return written(ret, dir->fd, name, value, err);
}

int sysctl_enable_ipv6(const char *ifname, struct cni_error *err)
{
	int ret = sysctl_ensure(0, err, "ipv6/conf/%s/disable_ipv6", ifname);

	if (ret == SYSCTL_ABSENT)
		return error_set(
			err, CNI_ERR_KERNEL, EAFNOSUPPORT,
			"the network has IPv6 ranges, but the node's kernel runs "
			"without IPv6");
	return ret;
}
