/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mark tells the file that stands for a reservation from others. Its inode alone
 * doesn't, because inodes are reused at once.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_FILE_MARK_H
#define BRIDGE_CNI_IPAM_STORE_FILE_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct file_mark {
	uint64_t inode;
	int64_t mtime_sec;
	uint32_t mtime_nsec;
};

static inline bool file_mark_equal(const struct file_mark *a, const struct file_mark *b)
{
	return a->inode == b->inode && a->mtime_sec == b->mtime_sec &&
	       a->mtime_nsec == b->mtime_nsec;
}

static inline struct file_mark file_mark_of(const struct stat *st)
{
	return (struct file_mark){
		.inode = st->st_ino,
		.mtime_sec = st->st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
	};
}

#endif
