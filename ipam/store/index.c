/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does the index agree with its directory? Where it doesn't, rebuild.c
 * makes another one. */
#include "index.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/identity.h"
#include "rebuild.h"

/* Mtimes up to this number of seconds are ours: no clock that was ever set shows them. */
#define STAMP_MAX 1000000000u

static uint64_t boot_hash(const char *boot)
{
	return boot[0] ? hash_text(boot) : 0;
}

/* Gives the stamp that the directory carries; 0: somebody else wrote to it. */
static uint64_t stamp_of(const struct stat *dir)
{
	if (dir->st_mtim.tv_nsec != 0 || dir->st_mtim.tv_sec <= 0 ||
	    dir->st_mtim.tv_sec > STAMP_MAX)
		return 0;
	return (uint64_t)dir->st_mtim.tv_sec;
}

static bool is_of_boot(const struct table *table, uint64_t boot)
{
	return boot == 0 || table->head.boot == boot;
}

static int stat_dir(const struct store *store, struct stat *ret_dir,
		    struct cni_error *err)
{
	*ret_dir = (struct stat){};
	if (store->dir_fd >= 0 && fstat(store->dir_fd, ret_dir) < 0)
		return store_file_error(store->path, NULL, errno, "look at", err);
	return 0;
}

void index_save(struct store *store)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};

	if (store->spoilt || store->own_fd < 0)
		return;
	store->table.head.stamp = store->table.head.stamp % STAMP_MAX + 1;
	if (table_save(&store->table, store->own_fd, INDEX_FILE) < 0)
		return;
	times[1].tv_sec = (time_t)store->table.head.stamp;
	if (store->dir_fd >= 0)
		(void)futimens(store->dir_fd, times);
}

void index_spoil(struct store *store)
{
	if (store->own_fd >= 0)
		unlinkat(store->own_fd, INDEX_FILE, 0);
	store->spoilt = true;
}

/* Makes a new index. @old is one of this version, which may be of use, or closed. */
static int renew(struct store *store, const struct stat *dir, const char *boot,
		 struct table *old, struct rebuild_news *news, struct cni_error *err)
{
	uint64_t hash = boot_hash(boot);
	struct rebuild rebuild = {
		.store = store,
		.boot = boot,
		.boots = old->head.boots + !is_of_boot(old, hash),
		.sweep = hash != 0 && old->head.boot != hash,
		.dated = old->head.boot != 0,
		.news = news,
	};
	uint64_t stamp = stamp_of(dir);
	int ret;

	/* Where our own directory can't be made, the index lives as
	 * long as this process. */
	(void)store_make_own(store, NULL);
	ret = rebuild_table(&rebuild, old, &store->table, err);
	if (ret < 0)
		return ret;
	store_tidy(store);
	store->spoilt = rebuild.unread;
	store->table.head.boots = rebuild.boots;
	store->table.head.boot = hash;
	store->table.head.directory = dir->st_ino;
	store->table.head.stamp = stamp > old->head.stamp ? stamp : old->head.stamp;
	index_save(store);
	return 0;
}

int index_open(struct store *store, const char *boot, struct rebuild_news *news,
	       struct cni_error *err)
{
	_cleanup_(table_close) struct table old = TABLE_CLOSED;
	struct stat dir;
	int ret;

	ret = stat_dir(store, &dir, err);
	if (ret < 0)
		return ret;
	if (store->own_fd >= 0 && table_open(store->own_fd, INDEX_FILE, &old) == 0 &&
	    is_of_boot(&old, boot_hash(boot)) && old.head.directory == dir.st_ino &&
	    (store->dir_fd < 0 || old.head.stamp == stamp_of(&dir))) {
		/* Where the boot is not known now, a later one must not take what is
		 * added for its own. */
		old.head.boot = boot_hash(boot);
		store->table = old;
		old = TABLE_CLOSED;
		return 0;
	}
	return renew(store, &dir, boot, &old, news, err);
}

int index_refresh(struct store *store, const char *boot, struct rebuild_news *news,
		  struct cni_error *err)
{
	_cleanup_(table_close) struct table old = store->table;
	struct stat dir;
	int ret;

	store->table = TABLE_CLOSED;
	if (old.head.full == old.head.stamp && old.fd >= 0) {
		store->table = old;
		old = TABLE_CLOSED;
		return 0;
	}
	ret = stat_dir(store, &dir, err);
	if (ret == 0)
		ret = renew(store, &dir, boot, &old, news, err);
	if (ret < 0 || store->table.fd < 0)
		return ret;
	/* All files have been looked at as of the stamp that index_save() sets. */
	store->table.head.full = store->table.head.stamp % STAMP_MAX + 1;
	index_save(store);
	return 0;
}
