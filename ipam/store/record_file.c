/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of records are read, written whole, removed and listed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store.h"

int store_record_read(const struct store *store, uint64_t holder,
		      struct record *ret_record)
{
	_cleanup_(close_p) int fd = -1;
	_cleanup_(free_p) char *text = NULL;
	char name[RECORD_NAME_MAX];
	ssize_t n;

	if (store->own_fd < 0)
		return -ENOENT;
	fd = openat(store->own_fd, record_name(holder, name),
		    O_RDONLY | STORE_OPEN_FLAGS);
	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	text = malloc(RECORD_MAX);
	if (!text)
		return -ENOMEM;
	/* One read() is enough: so short a regular file comes whole. */
	n = read(fd, text, RECORD_MAX);
	if (n < 0)
		return errno == EISDIR || errno == EAGAIN ? -EBADMSG : -errno;
	if (n == RECORD_MAX)
		return -EBADMSG;
	return record_parse(text, (size_t)n, ret_record);
}

int store_record_write(const struct store *store, const struct record *record,
		       struct cni_error *err)
{
	_cleanup_(free_p) char *text = record_format(record);
	char name[RECORD_NAME_MAX];

	if (!text)
		return error_oom(err);
	/* A DEL could not read a larger record. */
	if (record->n > RECORD_ADDRESSES || strlen(text) >= RECORD_MAX)
		return error_set(
			err, CNI_ERR_CONFIG, E2BIG,
			"%zu addresses and %zu host ports and ranges of them are "
			"too many for one interface: expected at most %d "
			"addresses, and a record of less than %d bytes, found %zu",
			record->n, record->ports.n, RECORD_ADDRESSES, RECORD_MAX,
			strlen(text));
	record_name(holder_hash(record->container_id, record->ifname), name);
	return store_file_write(store, name, text, err);
}

int store_record_remove(const struct store *store, uint64_t holder, struct cni_error *err)
{
	char name[RECORD_NAME_MAX];

	if (store->own_fd < 0 ||
	    unlinkat(store->own_fd, record_name(holder, name), 0) == 0 || errno == ENOENT)
		return 0;
	return store_file_error(store->own_path, name, errno, "remove", err);
}

void record_walk_end(struct record_walk *walk)
{
	if (walk->dir)
		closedir(walk->dir);
	walk->dir = NULL;
}

int store_record_next(const struct store *store, struct record_walk *walk,
		      uint64_t *ret_holder, struct cni_error *err)
{
	const struct dirent *entry;

	if (store->own_fd < 0)
		return 0;
	if (!walk->dir) {
		int fd = openat(store->own_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		walk->dir = fd < 0 ? NULL : fdopendir(fd);
		if (!walk->dir) {
			int ret = store_file_error(store->own_path, NULL, errno, "list",
						   err);

			close_p(&fd);
			return ret;
		}
	}
	while ((errno = 0, entry = readdir(walk->dir))) {
		uint64_t holder;
		char name[RECORD_NAME_MAX];

		/* A name that is spelled otherwise than record_name() does is
		 * not a record's. */
		/* NOLINTNEXTLINE(cert-err34-c): it can't be wider than its type */
		if (sscanf(entry->d_name, RECORD_PREFIX "%16" SCNx64, &holder) != 1 ||
		    strcmp(entry->d_name, record_name(holder, name)) != 0)
			continue;
		*ret_holder = holder;
		return STORE_NEXT;
	}
	return errno ? store_file_error(store->own_path, NULL, errno, "list", err) : 0;
}

int store_record_each(const struct store *store,
		      int (*fn)(struct record *record, uint64_t holder, void *data,
				struct cni_error *err),
		      void *data, struct cni_error *err)
{
	_cleanup_(record_walk_end) struct record_walk walk = {};
	uint64_t holder = 0;
	int ret;

	while ((ret = store_record_next(store, &walk, &holder, err)) == STORE_NEXT) {
		_cleanup_(record_clear) struct record record = {};
		char name[RECORD_NAME_MAX];

		ret = store_record_read(store, holder, &record);
		if (ret == -ENOENT || ret == -EBADMSG || ret == -ENOTSUP)
			continue;
		if (ret < 0)
			return store_file_error(store->own_path,
						record_name(holder, name), -ret, "read",
						err);
		ret = fn(&record, holder, data, err);
		if (ret != 0)
			return ret;
	}
	return ret;
}
