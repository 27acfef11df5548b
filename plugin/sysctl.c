/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads before it writes: most parameters are right already. */
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

static int value_read(const char *path, int *ret_value, struct cni_error *err)
{
	_cleanup_(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[VALUE_MAX];
	ssize_t len;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return error_errno(err, CNI_ERR_IO, errno, "reading %s", path);
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return error_errno(err, CNI_ERR_IO, errno, "reading %s", path);
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
	return ret < 0 ? ret : value_read(path, ret_value, err);
}

/* Containers see /proc/sys read-only: what may write is then given at another path. */
static _noinline_ int value_write(const char *path, int value, struct cni_error *err)
{
	const char *root = getenv(SYSCTL_ROOT_ENV), *name = path + strlen(SYSCTL_ROOT);
	_cleanup_(close_p) int fd = -1;
	char writable[PATH_MAX], text[VALUE_MAX];
	int len = snprintf(text, sizeof(text), "%d", value);

	if (root && root[0]) {
		if (snprintf(writable, PATH_MAX, "%s/%s", root, name) >= PATH_MAX)
			return error_set(err, CNI_ERR_ENVIRONMENT, ENAMETOOLONG,
					 SYSCTL_ROOT_ENV " is too long");
		path = writable;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, len) != len)
		return error_errno(err, CNI_ERR_IO, errno, "writing %s to %s", text,
				   path);
	return 0;
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
		ret = value_read(path, &now, err);
	return ret < 0 || now == value ? ret : value_write(path, value, err);
}

int sysctl_accept_ra_off(const char *ifname, struct cni_error *err)
{
	int ret = sysctl_ensure(0, err, "ipv6/conf/%s/accept_ra", ifname);

	return ret == -ENOENT ? 0 : ret; /* a kernel without IPv6 */
}
