/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removes a network's store, when no attachment is in it any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ipam/store/index.h"
#include "network_store.h"
#include "owner_note.h"

static const char *const own_files[] = {INDEX_FILE, STORE_GATEWAYS, STORE_OTHERS};

static bool is_note(const struct store *store, const char *name)
{
	char bridge[IF_NAMESIZE];

	(void)store;
	return owner_note_is(name, bridge);
}

/* Whether a file beside the records and the notes may go. Files of other names are
 * somebody else's. A record that can be read, or that a newer version wrote, is somebody's
 * and stays. */
static bool is_spent(const struct store *store, const char *name)
{
	_cleanup_(record_clear) struct record record = {};
	uint64_t holder;

	for (size_t i = 0; i < ARRAY_SIZE(own_files); i++)
		if (strcmp(name, own_files[i]) == 0)
			return true;
	if (name[0] == '.') /* it was being written */
		return !is_note(store, name);
	/* NOLINTNEXTLINE(cert-err34-c): it can't be wider than its type */
	return sscanf(name, RECORD_PREFIX "%16" SCNx64, &holder) == 1 &&
	       store_record_read(store, holder, &record) == -EBADMSG;
}

static bool is_last(const struct store *store, const char *name)
{
	(void)store;
	return strncmp(name, STORE_LAST_PREFIX, strlen(STORE_LAST_PREFIX)) == 0;
}

/* Removes those files of an open directory for which @goes is true. 0 or -errno. */
static int files_remove(const struct store *store, int dir_fd,
			bool (*goes)(const struct store *store, const char *name))
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		ret = -errno;
		close_p(&fd);
		return ret;
	}
	while (ret == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    goes(store, entry->d_name) && unlinkat(dir_fd, entry->d_name, 0) < 0)
			ret = -errno;
	closedir(dir);
	return ret;
}

/* A link in the directory's place, as host-local follows it, is somebody else's and
 * stays. */
static int directory_remove(const char *path, int ret, struct cni_error *err)
{
	if (ret == 0 && rmdir(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		ret = -errno;
	if (ret == -ENOTEMPTY || ret == -EEXIST)
		return error_set(err, CNI_ERR_EXISTS, ENOTEMPTY,
				 "%s stays: there are files in it that are nobody's of "
				 "this network; look, and remove it",
				 path);
	return ret < 0 ? store_file_error(path, NULL, -ret, "remove", err) : 0;
}

/* Notes go last: by them the next cleanup finds the network where this one is killed. */
static int own_remove(const struct store *store, struct cni_error *err)
{
	int ret = files_remove(store, store->own_fd, is_spent);

	if (ret == 0)
		ret = files_remove(store, store->own_fd, is_note);
	return directory_remove(store->own_path, ret, err);
}

int ipam_removable(const struct ipam_env *env, struct cni_error *err)
{
	_cleanup_(free_p) char *own_root = NULL;
	struct stat st;

	if (asprintf(&own_root, "%s/.bridge-cni", env->data_dir) < 0) {
		own_root = NULL;
		return error_oom(err);
	}
	if (lstat(own_root, &st) == 0 && S_ISLNK(st.st_mode))
		return store_file_error(own_root, NULL, ELOOP, "remove files in", err);
	return 0;
}

int ipam_network_remove(const struct ipam_env *env, bool *ret_removed,
			struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(free_p) char *own_root = NULL;
	int ret = network_store_open(env, STORE_EXISTING, &store, err);

	if (ret != 0)
		return ret == STORE_ABSENT ? 0 : ret;
	*ret_removed = true;
	/* The lock goes behind other files: until then no host-local is in here. */
	if (store.dir_fd >= 0) {
		ret = files_remove(&store, store.dir_fd, is_last);
		if (ret == 0 && unlinkat(store.dir_fd, STORE_LOCK_FILE, 0) < 0)
			ret = -errno;
		ret = directory_remove(store.path, ret, err);
	}
	if (ret == 0 && store.own_fd >= 0)
		ret = own_remove(&store, err);
	/* The directory of all networks' records stays where another one has records. */
	if (ret == 0 && asprintf(&own_root, "%s/.bridge-cni", env->data_dir) >= 0)
		rmdir(own_root);
	else
		own_root = NULL;
	return ret;
}
