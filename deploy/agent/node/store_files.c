/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network has two directories in the store: DATA_DIR/NETWORK, with a file for each
 * reserved address, and DATA_DIR/.bridge-cni/NETWORK, with a file for each record.
 */
#include "store_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/names.h"
#include "ipam/store/record.h"
#include "deploy/agent/base/files.h"

#define RECORDS_DIR "/.bridge-cni"

/* An outcome of dir_open(): the directory isn't there (yet). */
#define DIR_ABSENT 1

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Opens the directory @name below DATA_DIR@below, and gives its path. */
static int dir_open(const struct network_names *names, const char *below,
		    const char *name, DIR **ret_dir, char path[PATH_MAX],
		    struct cni_error *err)
{
	if (snprintf(path, PATH_MAX, "%s%s/%s", names->data_dir, below, name) >= PATH_MAX)
		return error_set(err, CNI_ERR_IO, ENAMETOOLONG, "%s: too long",
				 names->data_dir);
	*ret_dir = opendir(path);
	if (*ret_dir)
		return 0;
	return errno == ENOENT ? DIR_ABSENT
			       : error_errno(err, CNI_ERR_IO, errno, "reading %s", path);
}

static bool is_record(const struct dirent *entry)
{
	return strncmp(entry->d_name, RECORD_PREFIX, strlen(RECORD_PREFIX)) == 0;
}

static int each_record(const struct network_names *names, const char *network,
		       store_record_fn fn, void *data, struct cni_error *err)
{
	_cleanup_(closedir_p) DIR *dir = NULL;
	char path[PATH_MAX], file[PATH_MAX];
	struct dirent *entry;
	int ret = dir_open(names, RECORDS_DIR, network, &dir, path, err);

	if (!dir)
		return ret < 0 ? ret : 0;
	while (ret == 0 && (entry = readdir(dir))) {
		_cleanup_(free_p) char *text = NULL;
		size_t len;

		if (!is_record(entry) ||
		    snprintf(file, PATH_MAX, "%s/%s", path, entry->d_name) >= PATH_MAX)
			continue;
		if (file_read(file, &text, &len, NULL) == 0)
			ret = fn(text, len, data, err);
	}
	return ret;
}

int store_files_each_record(const struct network_names *names, store_record_fn fn,
			    void *data, struct cni_error *err)
{
	return each_record(names, names->name, fn, data, err);
}

int store_files_each_record_of_all(const struct network_names *names, store_record_fn fn,
				   void *data, struct cni_error *err)
{
	_cleanup_(closedir_p) DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *entry;
	int ret = dir_open(names, RECORDS_DIR, "", &dir, path, err);

	if (ret == DIR_ABSENT)
		return 0;
	/* Entries that can't be networks, such as files of somebody else, are passed
	 * over. */
	while (ret == 0 && (entry = readdir(dir)))
		if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) &&
		    cni_name_valid(entry->d_name))
			ret = each_record(names, entry->d_name, fn, data, err);
	return ret;
}

bool store_files_have_network(const struct network_names *names)
{
	_cleanup_(closedir_p) DIR *dir = NULL;
	char path[PATH_MAX];

	return dir_open(names, RECORDS_DIR, names->name, &dir, path, NULL) != DIR_ABSENT;
}

int store_files_read_record(const struct network_names *names, const char *network,
			    const char *container_id, const char *ifname, char **ret_text,
			    size_t *ret_len, struct cni_error *err)
{
	char path[PATH_MAX], name[RECORD_NAME_MAX];
	int ret;

	if (snprintf(path, PATH_MAX, "%s" RECORDS_DIR "/%s/%s", names->data_dir, network,
		     record_name(holder_hash(container_id, ifname), name)) >= PATH_MAX)
		return error_set(err, CNI_ERR_IO, ENAMETOOLONG, "%s: too long",
				 names->data_dir);
	ret = file_read(path, ret_text, ret_len, err);
	return ret == FILE_ABSENT ? STORE_RECORD_ABSENT : ret;
}

int store_files_count(const struct network_names *names, struct store_counts *ret_counts,
		      struct cni_error *err)
{
	_cleanup_(closedir_p) DIR *records = NULL, *addresses = NULL;
	struct store_counts counts = {};
	char path[PATH_MAX];
	struct dirent *entry;
	struct ip_addr addr;
	int ret = dir_open(names, RECORDS_DIR, names->name, &records, path, err);

	while (ret == 0 && (entry = readdir(records)))
		counts.attachments += is_record(entry);
	if (ret >= 0)
		ret = dir_open(names, "", names->name, &addresses, path, err);
	while (ret == 0 && addresses && (entry = readdir(addresses)))
		if (ip_parse(entry->d_name, &addr) == 0)
			counts.used[addr.family == AF_INET6]++;
	if (ret < 0)
		return ret;
	*ret_counts = counts;
	return 0;
}
