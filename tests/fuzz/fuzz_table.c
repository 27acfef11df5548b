/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index's file of slots. The input: a byte that says how many slots the header tells
 * of, and whether so many are added that it grows; one that says how many are used; and the
 * slots. The header's sum is right.
 */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "conf/identity.h"
#include "ipam/store/table.h"

#define NAME	"index"
#define SLOT	64
#define ADDED	20
#define MANY	300 /* more than the smallest table has room for */
#define HOLDER	0x0123456789abcdefu
#define BOUNDED 100000

static int open_base(void)
{
	int fd;

	base_make("table");
	fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	PROMISE(fd >= 0);
	return fd;
}

static void write_table(int dir_fd, const uint8_t *data, size_t size)
{
	_cleanup_(close_p) int fd =
		openat(dir_fd, NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	static uint8_t file[(TABLE_SLOTS_MIN + 1) * SLOT];
	struct table_header head = {
		.magic = TABLE_MAGIC,
		.version = TABLE_VERSION,
		/* A file for the smallest, whatever it says. */
		.slots = ((TABLE_SLOTS_MIN + 1) << (data[0] % 4)) - 1,
		.used = data[1],
	};

	if (data[0] & 0x80)
		head.used = UINT32_MAX;
	head.sum = hash_bytes(&head, offsetof(struct table_header, sum));
	memset(file, 0, sizeof(file));
	memcpy(file, &head, sizeof(head));
	if (size - 2 < sizeof(file) - SLOT)
		memcpy(file + SLOT, data + 2, size - 2);
	else
		memcpy(file + SLOT, data + 2, sizeof(file) - SLOT);
	PROMISE(fd >= 0 && write(fd, file, sizeof(file)) == sizeof(file));
}

static struct ip_addr address(unsigned int n)
{
	struct ip_addr addr = {
		.family = n % 2 ? AF_INET : AF_INET6,
		.bytes = {10, 1, (uint8_t)(n >> 8), (uint8_t)n},
	};

	if (addr.family == AF_INET6)
		addr.bytes[15] = (uint8_t)n, addr.bytes[3] = 0;

	return addr;
}

static void look(struct table *table)
{
	struct table_cursor cursor = {.holder = HOLDER}, all = {};
	struct ip_addr from = address(1), to = address(0xff01), found;
	struct table_entry entry;
	struct ip_span_list taken;
	size_t n = 0;

	while (table_next(table, &cursor, &entry))
		PROMISE(entry.holder == HOLDER && n++ < BOUNDED);
	while (table_each(table, &all, &entry))
		PROMISE(entry.ip.family == AF_INET || entry.ip.family == AF_INET6);
	if (table_next_free(table, &from, &to, &found))
		PROMISE(!table_is_taken(table, &found) && ip_cmp(&found, &from) >= 0 &&
			ip_cmp(&found, &to) <= 0);
	PROMISE(table_count(table, &from, &from) ==
			(size_t)table_is_taken(table, &from) ||
		table_error(table) < 0);
	PROMISE(table_taken_spans(table, &taken) == 0);
	for (size_t i = 0; i < taken.n; i++)
		PROMISE(ip_cmp(&taken.items[i].from, &taken.items[i].to) <= 0);
	free(taken.items);
}

static void change(struct table *table, unsigned int added)
{
	for (unsigned int n = 0; n < added; n++) {
		struct table_entry entry = {.ip = address(n), .holder = HOLDER + n};

		table_add(table, &entry);
		PROMISE(table_is_taken(table, &entry.ip) || table_error(table) < 0);
	}
	for (unsigned int n = 0; n < added; n += 2) {
		struct ip_addr ip = address(n);

		table_drop(table, HOLDER + n, &ip);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(table_close) struct table table = TABLE_CLOSED;
	_cleanup_(close_p) int dir_fd = -1;
	struct ip_addr ip = address(1);
	bool taken;
	int ret;

	if (size < 2)
		return 0;
	dir_fd = open_base();
	write_table(dir_fd, data, size);
	ret = table_open(dir_fd, NAME, &table);
	PROMISE(ret == 0 || ret == -EBADMSG);
	if (ret < 0)
		return 0;
	look(&table);
	change(&table, data[0] & 0x40 ? MANY : ADDED);
	look(&table);
	taken = table_is_taken(&table, &ip);
	if (table_save(&table, dir_fd, NAME) < 0)
		return 0;
	table_close(&table);
	PROMISE(table_open(dir_fd, NAME, &table) == 0);
	PROMISE(table_is_taken(&table, &ip) == taken);
	return 0;
}
