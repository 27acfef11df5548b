/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes a table from the store's files, and gives back what earlier boots left. A file
 * takes its address whatever the file is. It is somebody's only where its text says so.
 */
#include "rebuild.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The old table's reservations, sorted by address. */
struct known {
	struct table_entry *items;
	size_t n;
};

static void known_clear(struct known *known)
{
	free(known->items);
}

static int compare_entries(const void *a, const void *b)
{
	const struct table_entry *x = a, *y = b;

	return ip_cmp(&x->ip, &y->ip);
}

static int known_fill(struct table *old, struct known *ret_known)
{
	struct table_cursor cursor = {};
	struct known known = {};

	if (old->fd < 0 && !old->image)
		return 0;
	known.items = calloc((size_t)old->head.used + 1, sizeof(*known.items));
	if (!known.items)
		return -ENOMEM;
	while (known.n < old->head.used &&
	       table_each(old, &cursor, &known.items[known.n]))
		known.n++;
	qsort(known.items, known.n, sizeof(*known.items), compare_entries);
	*ret_known = known;
	return 0;
}

static const struct table_entry *known_find(const struct known *known,
					    const struct ip_addr *ip,
					    const struct file_mark *mark)
{
	const struct table_entry key = {.ip = *ip}, *found;

	found = known->n ? bsearch(&key, known->items, known->n, sizeof(key),
				   compare_entries)
			 : NULL;
	return found && file_mark_equal(&found->mark, mark) ? found : NULL;
}

/*
 * Is the boot over in which this reservation was made? A record that names this very file
 * has the boot ID. Without one, the reservation was made in the boot in which it was
 * first seen, or before.
 */
static bool is_past(const struct rebuild *rebuild, const struct table_entry *entry)
{
	_cleanup_(record_clear) struct record record = {};
	int ret;

	ret = store_record_read(rebuild->store, entry->holder, &record);
	if (ret == -ENOTSUP)
		return false;
	if (ret == 0 && record_names(&record, &entry->ip, &entry->mark))
		return record.boot[0] && strcmp(record.boot, rebuild->boot) != 0;
	return entry->seen != rebuild->boots;
}

/* A file that can't be removed stays as it is. */
static bool try_remove(const struct store *store, const struct ip_addr *ip)
{
	return store_remove(store, ip, NULL) == 0;
}

static void read_file(struct rebuild *rebuild, const struct known *known,
		      const char *name, struct table *table)
{
	const struct store *store = rebuild->store;
	const struct table_entry *same;
	struct table_entry entry = {.seen = rebuild->boots};
	struct holder_text text = {};
	struct stat st = {};
	int ret = -EFBIG;

	/* A name that is spelled otherwise than we spell addresses is no reservation. */
	if (ip_parse(name, &entry.ip) < 0 || strcmp(IP_TEXT(&entry.ip), name) != 0)
		return;
	if (fstatat(store->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return;
		ret = -errno;
	}
	entry.mark = file_mark_of(&st);
	same = S_ISREG(st.st_mode) ? known_find(known, &entry.ip, &entry.mark) : NULL;
	if (S_ISREG(st.st_mode) && !same)
		ret = store_holder_of(store, &entry.ip, &text);
	if (same) {
		entry.holder = same->holder;
		if (rebuild->dated)
			entry.seen = same->seen;
	} else if (ret == 0) {
		if (text.len == 0 && try_remove(store, &entry.ip)) {
			rebuild->news->empty++;
			return;
		}
		entry.holder = holder_text_hash(&text);
	} else {
		/* A file that can't be read may be a reservation, whose holder will look
		 * for it in the index. */
		rebuild->unread = rebuild->unread || (ret != -EFBIG && ret != -ENOENT);
		table_take(table, &entry.ip);
		return;
	}
	if (rebuild->sweep && is_past(rebuild, &entry) && try_remove(store, &entry.ip)) {
		rebuild->news->past++;
		return;
	}
	table_add(table, &entry);
}

static int read_directory(struct rebuild *rebuild, const struct known *known,
			  struct table *table, struct cni_error *err)
{
	const struct store *store = rebuild->store;
	struct dirent *entry;
	int ret, fd;
	DIR *dir;

	/* The directory is opened again, because a descriptor's copy
	 * shares its position. */
	fd = openat(store->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		ret = store_file_error(store->path, NULL, errno, "list", err);
		close_p(&fd);
		return ret;
	}
	while ((errno = 0, entry = readdir(dir)))
		read_file(rebuild, known, entry->d_name, table);
	ret = errno ? store_file_error(store->path, NULL, errno, "list", err) : 0;
	closedir(dir);
	return ret;
}

/* Removes records of other boots and torn ones. Their reservations are gone by now. */
static int sweep_records(struct rebuild *rebuild, struct cni_error *err)
{
	_cleanup_(record_walk_end) struct record_walk walk = {};
	uint64_t holder;
	int next;

	while ((next = store_record_next(rebuild->store, &walk, &holder, err)) ==
	       STORE_NEXT) {
		_cleanup_(record_clear) struct record record = {};
		int ret = store_record_read(rebuild->store, holder, &record);
		bool past = ret == -EBADMSG || (ret == 0 && record.boot[0] &&
						strcmp(record.boot, rebuild->boot) != 0);

		if (past && store_record_remove(rebuild->store, holder, NULL) == 0)
			rebuild->news->past += ret == 0 && record.n == 0;
	}
	return next;
}

int rebuild_table(struct rebuild *rebuild, struct table *old, struct table *ret_table,
		  struct cni_error *err)
{
	_cleanup_(table_close) struct table table = TABLE_CLOSED;
	_cleanup_(known_clear) struct known known = {};
	int ret;

	ret = known_fill(old, &known);
	if (ret == 0)
		ret = table_make(known.n, &table);
	if (ret < 0)
		return error_oom(err);
	if (rebuild->store->dir_fd >= 0)
		ret = read_directory(rebuild, &known, &table, err);
	if (ret < 0)
		return ret;
	if (table_error(&table) < 0)
		return error_oom(err);
	if (rebuild->sweep)
		ret = sweep_records(rebuild, err);
	if (ret < 0)
		return ret;
	*ret_table = table;
	table = TABLE_CLOSED;
	return 0;
}
