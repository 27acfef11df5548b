/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of slots: made in memory, opened, read and written by pages, and saved. */
#include "table_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/base/util.h"
#include "conf/identity.h"

/* The kernel may cache what is written at once as one piece (XFS, and ext4 from Linux
 * 6.16), and each later write to a slot goes through the whole piece. */
#define WRITTEN_AT_ONCE ((size_t)4096)

static uint64_t header_sum(const struct table_header *head)
{
	return hash_bytes(head, offsetof(struct table_header, sum));
}

static size_t table_bytes(uint32_t slots)
{
	return ((size_t)slots + 1) * TABLE_SLOT_SIZE;
}

int table_make(size_t entries, struct table *ret_table)
{
	struct table table = TABLE_CLOSED;
	size_t slots = TABLE_SLOTS_MIN;

	/* The table is at most half full at first, so that probes stay short while it
	 * fills up. */
	while (slots < 2 * entries && slots < TABLE_SLOTS_MAX)
		slots = 2 * slots + 1;
	if (slots < 2 * entries)
		return -EOVERFLOW;
	table.image = calloc(table_bytes((uint32_t)slots), 1);
	if (!table.image)
		return -ENOMEM;
	memcpy(table.head.magic, TABLE_MAGIC, sizeof(table.head.magic));
	table.head.version = TABLE_VERSION;
	table.head.slots = (uint32_t)slots;
	*ret_table = table;
	return 0;
}

void table_close(struct table *table)
{
	for (size_t i = 0; i < TABLE_PAGES; i++)
		free(table->pages[i].data);
	free(table->image);
	close_p(&table->fd);
	*table = TABLE_CLOSED;
}

/* Writes the page's changes back. */
static void page_clean(struct table *table, struct table_page *page)
{
	size_t len = page->dirty_to - page->dirty_from;
	ssize_t n;

	if (len == 0)
		return;
	n = pwrite(table->fd, page->data + page->dirty_from, len,
		   (off_t)page->number * TABLE_PAGE + page->dirty_from);
	if ((n < 0 || (size_t)n != len) && table->error == 0)
		table->error = n < 0 ? -errno : -ENOSPC;
	page->dirty_from = page->dirty_to = 0;
}

/* Gives the page in memory, or NULL with the table's error set. */
static struct table_page *page_get(struct table *table, uint32_t number)
{
	struct table_page *page;
	ssize_t n;

	for (size_t i = 0; i < TABLE_PAGES; i++)
		if (table->pages[i].data && table->pages[i].number == number)
			return &table->pages[i];
	if (table->error < 0)
		return NULL;
	page = &table->pages[table->next_page];
	table->next_page = (table->next_page + 1) % TABLE_PAGES;
	if (page->data)
		page_clean(table, page);
	else
		page->data = malloc(TABLE_PAGE);
	n = page->data
		    ? pread(table->fd, page->data, TABLE_PAGE, (off_t)number * TABLE_PAGE)
		    : -1;
	if (n != TABLE_PAGE) {
		if (table->error == 0)
			table->error = !page->data ? -ENOMEM : n < 0 ? -errno : -EBADMSG;
		free(TAKE_PTR(page->data));
		return NULL;
	}
	page->number = number;
	return page;
}

void table_file_get(struct table *table, uint32_t i, void *ret_bytes)
{
	size_t at = ((size_t)i + 1) * TABLE_SLOT_SIZE;
	const struct table_page *page;

	if (table->image) {
		memcpy(ret_bytes, table->image + at, TABLE_SLOT_SIZE);
		return;
	}
	page = page_get(table, (uint32_t)(at / TABLE_PAGE));
	if (page)
		memcpy(ret_bytes, page->data + at % TABLE_PAGE, TABLE_SLOT_SIZE);
	else
		memset(ret_bytes, 0, TABLE_SLOT_SIZE);
}

/* Writes a slot's bytes at @at of the file. */
static void write_at(struct table *table, size_t at, const void *data)
{
	struct table_page *page;
	uint32_t from = at % TABLE_PAGE;

	if (table->image) {
		memcpy(table->image + at, data, TABLE_SLOT_SIZE);
		return;
	}
	page = page_get(table, (uint32_t)(at / TABLE_PAGE));
	if (!page)
		return;
	memcpy(page->data + from, data, TABLE_SLOT_SIZE);
	if (page->dirty_from == page->dirty_to) {
		page->dirty_from = from;
		page->dirty_to = from + TABLE_SLOT_SIZE;
		return;
	}
	if (page->dirty_from > from)
		page->dirty_from = from;
	if (page->dirty_to < from + TABLE_SLOT_SIZE)
		page->dirty_to = from + TABLE_SLOT_SIZE;
}

void table_file_set(struct table *table, uint32_t i, const void *bytes)
{
	write_at(table, ((size_t)i + 1) * TABLE_SLOT_SIZE, bytes);
}

int table_open(int dir_fd, const char *name, struct table *ret_table)
{
	struct table table = TABLE_CLOSED;
	ssize_t n;

	table.fd = openat(dir_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (table.fd < 0 && (errno == EROFS || errno == EACCES))
		table.fd = openat(dir_fd, name,
				  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (table.fd < 0)
		return errno == ENOENT ? -ENOENT : -EBADMSG;
	n = pread(table.fd, &table.head, sizeof(table.head), 0);
	if (n != sizeof(table.head) || memcmp(table.head.magic, TABLE_MAGIC, 8) != 0 ||
	    table.head.version != TABLE_VERSION ||
	    table.head.sum != header_sum(&table.head) ||
	    table.head.used > table.head.slots || table.head.slots < TABLE_SLOTS_MIN ||
	    table.head.slots > TABLE_SLOTS_MAX ||
	    (table.head.slots & (table.head.slots + 1)) != 0) {
		table_close(&table);
		return -EBADMSG;
	}
	*ret_table = table;
	return 0;
}

/* Opens the file, whatever it holds. Something else that has its name is removed. */
static int open_to_fill(int dir_fd, const char *name)
{
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(dir_fd, name, flags, 0600);
	struct stat st;

	if (fd < 0 && errno != ELOOP)
		return -errno;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		return fd;
	close_p(&fd);
	if (unlinkat(dir_fd, name, 0) < 0)
		return -errno;
	fd = openat(dir_fd, name, flags | O_EXCL, 0600);
	return fd < 0 ? -errno : fd;
}

/*
 * Writes the table over the old file. A table that was written in part is not taken for a
 * true one, because its stamp is neither the directory's from before nor that from
 * afterwards. A new file that is renamed over the old one would make ext4 write it to the
 * disk first.
 */
static int save_image(struct table *table, int dir_fd, const char *name)
{
	size_t done = 0, size = table_bytes(table->head.slots);
	_cleanup_(close_p) int fd = open_to_fill(dir_fd, name);

	if (fd < 0)
		return fd;
	memcpy(table->image, &table->head, sizeof(table->head));
	while (done < size) {
		size_t left = size - done;
		ssize_t n = pwrite(fd, table->image + done,
				   left < WRITTEN_AT_ONCE ? left : WRITTEN_AT_ONCE,
				   (off_t)done);

		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		done += (size_t)n;
	}
	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	free(TAKE_PTR(table->image));
	close_p(&table->fd);
	table->fd = TAKE_FD(fd);
	return 0;
}

int table_save(struct table *table, int dir_fd, const char *name)
{
	if (table->error < 0)
		return table->error;
	table->head.sum = header_sum(&table->head);
	if (table->image)
		return save_image(table, dir_fd, name);
	write_at(table, 0, &table->head);
	for (size_t i = 0; i < TABLE_PAGES; i++)
		if (table->pages[i].data)
			page_clean(table, &table->pages[i]);
	return table->error;
}
