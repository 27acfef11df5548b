/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index's data structure: one file of slots of 64 bytes, an open-addressed hash table
 * that is read and written a page at a time. Two kinds of slot: a reservation, found by
 * the hash of its holder's text, and a chunk, which says which of 256 neighbouring
 * addresses are taken. What makes a table agree with a directory is index.h's.
 *
 * Nothing here fails in the middle: what can't be read or written is told by
 * table_error() at the end, and the table is then of no use.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_TABLE_H
#define BRIDGE_CNI_IPAM_STORE_TABLE_H

#include <stddef.h>
#include <sys/stat.h>

#include "conf/base/addr.h"

#define TABLE_MAGIC	"brcniidx"
#define TABLE_VERSION	1
#define TABLE_PAGE	1024 /* bytes: sixteen slots, most probes end in one */
#define TABLE_SLOTS_MIN 255 /* with the header, as large as a slot, a power of two */
#define TABLE_SLOTS_MAX ((1u << 26) - 1)
#define TABLE_PAGES	4 /* at a time in memory */

/* Slot 0 of the file. Native byte order: a table never leaves its node. */
struct table_header {
	char magic[8];
	uint32_t version;
	uint32_t slots;
	uint32_t used;
	uint32_t boots; /* how many boots this store has seen: the number of this one */
	uint64_t stamp; /* the directory's mtime, in seconds, while both agree */
	uint64_t directory; /* inode */
	uint64_t boot; /* hash of its ID; 0: not known */
	uint64_t full; /* the stamp when every file was last looked at, for want of a free
			* address */
	uint64_t sum;
};

/* Which file it is that stands for a reservation: inodes are reused at once. */
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

struct table_entry {
	struct ip_addr ip;
	uint64_t holder; /* hash of the reservation's text */
	struct file_mark mark;
	uint32_t seen; /* number of the boot in which it was first seen */
};

struct table_page {
	uint32_t number;
	uint32_t dirty_from, dirty_to; /* bytes; equal: clean */
	uint8_t *data; /* NULL: nothing read */
};

struct table {
	struct table_header head;
	uint8_t *image; /* all of it, where it is not (yet) in a file; else NULL */
	int fd;
	struct table_page pages[TABLE_PAGES];
	unsigned int next_page; /* to be replaced */
	int error; /* 0 or -errno, the first */
};
#define TABLE_CLOSED ((struct table){.fd = -1})

/* An empty table in memory with room for @entries. -ENOMEM, -EOVERFLOW. */
int table_make(size_t entries, struct table *ret_table);

/* Opens the table in file @name. -ENOENT; -EBADMSG: not one of this version. */
int table_open(int dir_fd, const char *name, struct table *ret_table);
void table_close(struct table *table);

/* Writes what has changed; a table in memory as a whole: from then on it is in the file. 0 or
 * -errno: what the file holds then is no table, or one of an older stamp. */
int table_save(struct table *table, int dir_fd, const char *name);

static inline int table_error(const struct table *table)
{
	return table->error;
}

/* Adds a reservation and takes its address. It must not be there. */
void table_add(struct table *table, const struct table_entry *entry);
/* Drops the holder's reservation of @ip, if it is there, and frees the address. */
void table_drop(struct table *table, uint64_t holder, const struct ip_addr *ip);

/* A holder's reservations, one a call; no changes meanwhile. */
struct table_cursor {
	uint64_t holder;
	uint32_t seen; /* slots */
};
bool table_next(struct table *table, struct table_cursor *cursor,
		struct table_entry *ret_entry);
/* All reservations, in no order. @cursor->holder is not used. */
bool table_each(struct table *table, struct table_cursor *cursor,
		struct table_entry *ret_entry);

/* Addresses, also those that have no known holder. */
void table_take(struct table *table, const struct ip_addr *ip);
void table_free(struct table *table, const struct ip_addr *ip);
bool table_is_taken(struct table *table, const struct ip_addr *ip);
/* The first address from @from to @to (inclusive) that is not taken. */
bool table_next_free(struct table *table, const struct ip_addr *from,
		     const struct ip_addr *to, struct ip_addr *ret_ip);
/* How many are taken from @from to @to. */
size_t table_count(struct table *table, const struct ip_addr *from,
		   const struct ip_addr *to);

/* A run of taken addresses, inclusive. */
struct taken_run {
	struct ip_addr from, to;
};
/* All taken addresses in runs, ascending; the caller frees. -ENOMEM. */
int table_runs(struct table *table, struct taken_run **ret_runs, size_t *ret_n);

#endif
