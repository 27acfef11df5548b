/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the networks that have attachments below a dataDir. Each network has a directory
 * for its records there. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/names.h"
#include "network_store.h"

static void dir_closep(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int ipam_networks(const struct ipam_env *env,
		  int (*fn)(const char *network, void *data, struct cni_error *err),
		  void *data, struct cni_error *err)
{
	_cleanup_(dir_closep) DIR *dir = NULL;
	_cleanup_(free_p) char *path = NULL;
	const struct dirent *entry;
	int ret = 0;

	if (asprintf(&path, "%s/.bridge-cni", env->data_dir) < 0) {
		path = NULL;
		return error_oom(err);
	}
	dir = opendir(path);
	if (!dir && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!dir)
		return store_file_error(path, NULL, errno, "read", err);
	for (errno = 0; ret == 0 && (entry = readdir(dir)); errno = 0)
		if (cni_name_valid(entry->d_name))
			ret = fn(entry->d_name, data, err);
	if (ret == 0 && errno)
		return store_file_error(path, NULL, errno, "read", err);
	return ret;
}
