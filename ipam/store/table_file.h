/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of the index: a header and slots of 64 bytes, read and written a page at a
 * time. What is in a slot is table_slots.h's.
 *
 * Nothing here fails in the middle. table_error() tells at the end that something could
 * not be read or written, and the table is then of no use.
 */
#ifndef BRIDGE_CNI_IPAM_STORE_TABLE_FILE_H
#define BRIDGE_CNI_IPAM_STORE_TABLE_FILE_H

#include <stddef.h>
#include <stdint.h>

#define TABLE_MAGIC	"brcniidx"
#define TABLE_VERSION	1
#define TABLE_SLOT_SIZE 64 /* bytes */
#define TABLE_PAGE	1024 /* bytes: sixteen slots, most probes end in one */
#define TABLE_SLOTS_MIN 255 /* with the header, as large as a slot, a power of two */
#define TABLE_SLOTS_MAX ((1u << 26) - 1)
#define TABLE_PAGES	4 /* at a time in memory */

/* Stands where slot -1 would. Native byte order: a table never leaves its node. */
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
	uint64_t sum; /* hash of all fields before */
};
_Static_assert(sizeof(struct table_header) == TABLE_SLOT_SIZE, "the header is a slot");
_Static_assert((TABLE_SLOTS_MIN + 1) * TABLE_SLOT_SIZE % TABLE_PAGE == 0,
	       "a table has whole pages");

struct table_page {
	uint32_t number;
	uint32_t dirty_from, dirty_to; /* bytes; equal: clean */
	uint8_t *data; /* NULL: nothing read */
};

struct table {
	struct table_header head;
	uint8_t *image; /* the whole table, where it is not (yet) in a file; else NULL */
	int fd;
	struct table_page pages[TABLE_PAGES];
	unsigned int next_page; /* the page that is replaced next */
	int error; /* 0 or -errno, the first */
};
#define TABLE_CLOSED ((struct table){.fd = -1})

/* Makes an empty table in memory with room for @entries. -ENOMEM, -EOVERFLOW. */
int table_make(size_t entries, struct table *ret_table);

/* Opens the table in file @name. -ENOENT; -EBADMSG: it is not a table of this version. */
int table_open(int dir_fd, const char *name, struct table *ret_table);
void table_close(struct table *table);

/*
 * Writes what has changed. A table in memory is written as a whole, and is in the file
 * from then on. 0 or -errno: what the file holds then is no table, or one of an older
 * stamp.
 */
int table_save(struct table *table, int dir_fd, const char *name);

static inline int table_error(const struct table *table)
{
	return table->error;
}

/* Copies the bytes of slot @i to @ret_bytes; zeros where it can't be read. */
void table_file_get(struct table *table, uint32_t i, void *ret_bytes);

/* Replaces the bytes of slot @i. */
void table_file_set(struct table *table, uint32_t i, const void *bytes);

#endif
