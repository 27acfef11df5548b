/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A path of a namespace is a file that the namespace is mounted over, or a file of a
 * process. It is there as long as the namespace. So a name that is missing in its
 * directory, a plain file, and a process that is dead show that a namespace has ended. A
 * directory that is missing shows that the path is wrong.
 */
#include "netns_path.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Returns the process in /proc/PID/...; 0: it is another path. */
static int process_of(const char *path)
{
	int pid, end = 0;

	/* NOLINTNEXTLINE(cert-err34-c): what is too large is no process */
	return sscanf(path, "/proc/%d/%n", &pid, &end) == 1 && end > 0 ? pid : 0;
}

/* A process that has ended is still there until its parent waits for it, but its
 * namespaces are not. */
static bool process_ended(const char *path, int pid)
{
	char directory[PATH_MAX];
	struct stat st;

	snprintf(directory, sizeof(directory), "/proc/%d", pid);
	if (stat(directory, &st) < 0)
		return true;
	snprintf(directory, sizeof(directory), "/proc/%d/ns/net", pid);
	return strcmp(path, directory) == 0 && stat(directory, &st) < 0;
}

/* Finds the first directory of the path that isn't there, or is none. False: all are
 * right. */
static bool broken_directory(const char *path, char ret_directory[PATH_MAX],
			     const char **ret_what)
{
	const char *slash = path;
	struct stat st;

	while ((slash = strchr(slash + 1, '/'))) {
		snprintf(ret_directory, PATH_MAX, "%.*s", (int)(slash - path), path);
		*ret_what = stat(ret_directory, &st) < 0 ? "is not there"
			    : !S_ISDIR(st.st_mode)	 ? "is no directory"
							 : NULL;
		if (*ret_what)
			return true;
	}
	return false;
}

static int missing(const char *path, int errnum, struct cni_error *err)
{
	const char *slash = strrchr(path, '/'), *what;
	char directory[PATH_MAX];
	int pid = process_of(path);
	struct stat st;

	if (pid && process_ended(path, pid))
		return error_errno(err, CNI_ERR_UNKNOWN_CONTAINER, errnum,
				   "CNI_NETNS: %s: the container's network namespace has "
				   "ended with process %d",
				   path, pid);
	if (broken_directory(path, directory, &what))
		return error_errno(err, CNI_ERR_UNKNOWN_CONTAINER, errnum,
				   "CNI_NETNS: %s: this path never was that of a network "
				   "namespace: %s %s",
				   path, directory, what);
	if (lstat(path, &st) == 0)
		return error_errno(err, CNI_ERR_UNKNOWN_CONTAINER, errnum,
				   "CNI_NETNS: %s: the container's network namespace has "
				   "ended: what this link leads to is not there any more",
				   path);
	return error_errno(
		err, CNI_ERR_UNKNOWN_CONTAINER, errnum,
		"CNI_NETNS: %s: the container's network namespace has ended, or "
		"its name is wrong: its directory is there, and has no %s",
		path, slash ? slash + 1 : path);
}

static bool is_on(const char *path, unsigned long magic)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == magic;
}

static int another_kind(const char *path, struct cni_error *err)
{
	struct stat st = {};
	const char *kind = "a file with something else in it";

	if (is_on(path, NSFS_MAGIC))
		kind = "a namespace of another kind";
	else if (stat(path, &st) < 0 || S_ISDIR(st.st_mode))
		kind = "a directory";
	else if (S_ISREG(st.st_mode) && st.st_size == 0 && !is_on(path, PROC_SUPER_MAGIC))
		kind = "an empty file: either the network namespace that was mounted over it "
		       "has ended, or its mount has not reached this mount namespace";
	return error_set(err, CNI_ERR_ENVIRONMENT, EINVAL,
			 "CNI_NETNS: %s is not a network namespace but %s", path, kind);
}

int netns_path_error(const char *path, int errnum, struct cni_error *err)
{
	if (errnum == ENOENT || errnum == ENOTDIR)
		return missing(path, errnum, err);
	if (errnum == EMEDIUMTYPE)
		return another_kind(path, err);
	return error_errno(err, CNI_ERR_ENVIRONMENT, errnum, "CNI_NETNS: %s", path);
}
