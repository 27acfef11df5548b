/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index's table against a model that is a plain array. */
#include "scratch.h"

#include <errno.h>
#include <sys/socket.h>

#include "conf/base/util.h"
#include "ipam/store/table.h"

#define NAME	 "index"
#define ENTRIES	 600
#define HOLDERS	 40
#define CHUNKSET 5

static struct ip_addr ip(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_parse(text, &addr), 0);
	return addr;
}

static unsigned int pick(unsigned int *seed, unsigned int from, unsigned int to)
{
	*seed = *seed * 1103515245 + 12345;
	return from + (*seed >> 16) % (to - from + 1);
}

/* Neighbouring chunks, far ones, both families. */
static struct ip_addr address(unsigned int n)
{
	static const char *const bases[CHUNKSET] = {"10.1.2.0", "10.1.3.0", "10.200.0.0",
						    "fd00::100", "fd00:1::ff00"};
	struct ip_addr addr = ip(bases[n % CHUNKSET]);

	addr.bytes[ip_size(addr.family) - 1] = (uint8_t)(n / CHUNKSET);
	return addr;
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

struct model {
	uint64_t holder[ENTRIES]; /* 0: nobody */
};

static struct table_entry entry(unsigned int n, uint64_t holder)
{
	return (struct table_entry){
		.ip = address(n),
		.holder = holder,
		.mark = {n + 7, n + 1700000000, n},
		.seen = n % 3,
	};
}

/* Few homes, so that slots are displaced and erased in long runs. */
static uint64_t holder_hash(unsigned int n)
{
	return 1 + n % 4 * 64 + (uint64_t)n * 255 * 255;
}

static void compare(struct table *table, const struct model *model)
{
	for (unsigned int o = 0; o < HOLDERS; o++) {
		struct table_cursor cursor = {.holder = holder_hash(o)};
		struct table_entry got;
		size_t want = 0, have = 0;

		for (unsigned int n = 0; n < ENTRIES; n++)
			want += model->holder[n] == holder_hash(o);
		while (table_next(table, &cursor, &got)) {
			unsigned int n = (unsigned int)(got.mark.inode - 7);

			assert_true(n < ENTRIES && model->holder[n] == holder_hash(o));
			assert_true(
				ip_equal(&got.ip, &(struct ip_addr[]){address(n)}[0]));
			assert_int_equal(got.seen, n % 3);
			assert_int_equal(got.mark.mtime_sec, n + 1700000000);
			have++;
		}
		assert_int_equal(have, want);
	}
}

static void compare_taken(struct table *table, const struct model *model)
{
	for (unsigned int base = 0; base < CHUNKSET; base++) {
		size_t want = 0;
		struct ip_addr from = address(base), to = address(base + 119 * CHUNKSET),
			       got;
		bool found = false;

		for (unsigned int n = base; n < ENTRIES; n += CHUNKSET) {
			want += model->holder[n] != 0;
			if (model->holder[n] == 0 && !found) {
				struct ip_addr first = address(n);

				assert_true(table_next_free(table, &from, &to, &got));
				assert_true(ip_equal(&first, &got));
				found = true;
			}
			assert_int_equal(
				table_is_taken(table, &(struct ip_addr[]){address(n)}[0]),
				model->holder[n] != 0);
		}
		assert_int_equal(table_next_free(table, &from, &to, &got), found);
		assert_int_equal(table_count(table, &from, &to), want);
	}
}

static void reopen(struct table *table, int dir_fd)
{
	assert_int_equal(table_save(table, dir_fd, NAME), 0);
	table_close(table);
	assert_int_equal(table_open(dir_fd, NAME, table), 0);
}

static void random_changes_agree_with_a_model(void **state)
{
	for (unsigned int seed = 1; seed <= 12; seed++) {
		_cleanup_(close_p) int dir_fd = open_dir(*state);
		_cleanup_(table_close) struct table table = TABLE_CLOSED;
		struct model model = {};
		unsigned int random = seed;

		assert_int_equal(table_make(0, &table), 0);
		for (unsigned int step = 0; step < 3000; step++) {
			/* First it fills, then it empties. */
			bool add = pick(&random, 0, 9) < (step < 1500 ? 7 : 3);
			unsigned int n = pick(&random, 0, ENTRIES - 1);
			struct table_entry e = entry(n,
						     holder_hash(pick(&random, 0, 39)));

			if (add && model.holder[n] == 0) {
				model.holder[n] = e.holder;
				table_add(&table, &e);
			} else if (!add && model.holder[n] != 0) {
				table_drop(&table, model.holder[n], &e.ip);
				model.holder[n] = 0;
			}
			if (step % 97 == 0)
				reopen(&table, dir_fd);
			if (step % 301 == 0) {
				compare(&table, &model);
				compare_taken(&table, &model);
			}
		}
		for (unsigned int n = 0; n < ENTRIES; n++)
			if (model.holder[n]) {
				struct table_entry e = entry(n, model.holder[n]);

				table_drop(&table, e.holder, &e.ip);
			}
		assert_int_equal(table_error(&table), 0);
		assert_int_equal(table.head.used, 0);
	}
}

static void a_free_address_is_found_behind_full_chunks(void **state)
{
	_cleanup_(table_close) struct table table = TABLE_CLOSED;
	struct ip_addr from = ip("10.1.0.5"), to = ip("10.1.255.254"), got, addr = from;
	struct ip_span_list taken;

	(void)state;
	assert_int_equal(table_make(0, &table), 0);
	for (unsigned int i = 0; i < 60000; i++) {
		table_take(&table, &addr);
		ip_next(&addr, &addr);
	}
	assert_true(table_next_free(&table, &from, &to, &got));
	assert_true(ip_equal(&addr, &got));
	assert_int_equal(table_count(&table, &from, &to), 60000);
	assert_false(table_next_free(&table, &from,
				     &(struct ip_addr[]){ip("10.1.9.9")}[0], &got));
	assert_int_equal(table_taken_spans(&table, &taken), 0);
	assert_int_equal(taken.n, 1);
	assert_true(ip_equal(&taken.items[0].from, &from));
	free(taken.items);
	/* Up to the very last address there is. */
	from = to = ip("255.255.255.255");
	table_take(&table, &from);
	assert_false(table_next_free(&table, &from, &to, &got));
}

static void a_range_larger_than_the_table_is_counted(void **state)
{
	_cleanup_(table_close) struct table table = TABLE_CLOSED;
	struct ip_addr from = ip("fd00::1"), to = ip("fd00::ffff:ffff:ffff:ffff");

	(void)state;
	assert_int_equal(table_make(0, &table), 0);
	table_take(&table, &(struct ip_addr[]){ip("fd00::5")}[0]);
	table_take(&table, &(struct ip_addr[]){ip("fd00::aaaa:0:0:5")}[0]);
	table_take(&table, &(struct ip_addr[]){ip("fd01::5")}[0]);
	table_take(&table, &(struct ip_addr[]){ip("10.1.2.3")}[0]);
	assert_int_equal(table_count(&table, &from, &to), 2);
}

static void what_is_not_a_table_of_ours_is_told(void **state)
{
	_cleanup_(close_p) int dir_fd = open_dir(*state);
	struct table table = TABLE_CLOSED;
	char page[TABLE_PAGE + 1];

	assert_int_equal(table_open(dir_fd, NAME, &table), -ENOENT);
	put_file(*state, NAME, "");
	assert_int_equal(table_open(dir_fd, NAME, &table), -EBADMSG);
	memset(page, 'x', sizeof(page) - 1);
	page[TABLE_PAGE] = '\0';
	put_file(*state, NAME, page);
	assert_int_equal(table_open(dir_fd, NAME, &table), -EBADMSG);
	unlink(SCRATCH_PATH(*state, NAME));
	symlink_file(*state, "elsewhere", NAME);
	assert_int_equal(table_open(dir_fd, NAME, &table), -EBADMSG);
	unlink(SCRATCH_PATH(*state, NAME));
	make_dir(*state, NAME);
	assert_int_equal(table_open(dir_fd, NAME, &table), -EBADMSG);
}

static void a_cut_table_ends_in_an_error_and_not_in_a_loop(void **state)
{
	_cleanup_(close_p) int dir_fd = open_dir(*state);
	_cleanup_(table_close) struct table table = TABLE_CLOSED;
	struct table_cursor cursor = {};
	struct table_entry got;
	unsigned int n = 0;

	assert_int_equal(table_make(1000, &table), 0);
	for (unsigned int i = 0; i < ENTRIES; i++)
		table_add(&table, &(struct table_entry[]){entry(i, i * 77777)}[0]);
	reopen(&table, dir_fd);
	assert_int_equal(truncate(SCRATCH_PATH(*state, NAME), TABLE_PAGE + 100), 0);
	while (table_each(&table, &cursor, &got))
		n++;
	assert_true(n < ENTRIES);
	assert_true(table_error(&table) < 0);
}

static void a_table_that_counts_more_than_its_slots_is_none(void **state)
{
	_cleanup_(close_p) int dir_fd = open_dir(*state);
	_cleanup_(table_close) struct table table = TABLE_CLOSED;

	assert_int_equal(table_make(0, &table), 0);
	table.head.used = TABLE_SLOTS_MIN + 1;
	assert_int_equal(table_save(&table, dir_fd, NAME), 0);
	table_close(&table);
	assert_int_equal(table_open(dir_fd, NAME, &table), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(random_changes_agree_with_a_model),
		SCRATCH_TEST(a_free_address_is_found_behind_full_chunks),
		SCRATCH_TEST(a_range_larger_than_the_table_is_counted),
		SCRATCH_TEST(what_is_not_a_table_of_ours_is_told),
		SCRATCH_TEST(a_cut_table_ends_in_an_error_and_not_in_a_loop),
		SCRATCH_TEST(a_table_that_counts_more_than_its_slots_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
