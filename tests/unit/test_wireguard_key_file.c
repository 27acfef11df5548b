/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deploy/agent/tunnel/wireguard_key.h: the file of a private key, in a directory of the
 * test's in place of /run/bridge-cni. */
#include "scratch.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#include "deploy/agent/tunnel/wireguard_key.h"
#include "plugin/node/node.h"

#define NAME	 "bcni-wg"
#define FILE	 "bcni-wg.key"
#define ASIDE	 ".bcni-wg.key.new"
#define SCALAR	 "abcdefghijklmnopqrstuvwxyz012345"
#define ONE_DAY	 86400
#define TOLERANT 30 /* seconds, on a slow machine */

static const char *run_dir; /* stands for /run/bridge-cni */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	return __real_open(strcmp(path, NODE_LOCK_DIR) == 0 ? run_dir : path, flags,
			   mode);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
	return __real_mkdir(strcmp(path, NODE_LOCK_DIR) == 0 ? run_dir : path, mode);
}

static int begin(void **state)
{
	if (scratch_make(state) < 0)
		return -1;
	run_dir = *state;
	return 0;
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, begin, scratch_remove)

static int64_t since_boot(void)
{
	struct timespec time;

	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &time), 0);
	return time.tv_sec;
}

static int64_t modified(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(SCRATCH_PATH(run_dir, name), &st), 0);
	return st.st_mtime;
}

static void set_modified(const char *name, int64_t seconds)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds}};

	assert_int_equal(utimensat(AT_FDCWD, SCRATCH_PATH(run_dir, name), times,
				   AT_SYMLINK_NOFOLLOW),
			 0);
}

static void put_key(const char *name, const char *bytes, mode_t mode)
{
	put_file(run_dir, name, bytes);
	assert_int_equal(chmod(SCRATCH_PATH(run_dir, name), mode), 0);
}

static int64_t age(void)
{
	struct cni_error err = {};
	int64_t seconds = -1;

	assert_int_equal(wireguard_key_age(NAME, &seconds, &err), 0);
	return seconds;
}

static void test_a_key_is_made_once(void **state)
{
	struct wireguard_key first, second;

	(void)state;
	assert_int_equal(wireguard_key_load(NAME, &first, NULL), WIREGUARD_KEY_MADE);
	assert_mode(run_dir, FILE, 0600);
	assert_absent(run_dir, ASIDE);
	assert_int_equal(first.bytes[0] & 7, 0);
	assert_int_equal(first.bytes[31] & 0xc0, 0x40);
	assert_int_equal(wireguard_key_load(NAME, &second, NULL), 0);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_equal(wireguard_key_load("bcni-wg2", &second, NULL),
			 WIREGUARD_KEY_MADE);
	assert_memory_not_equal(&first, &second, sizeof(first));
}

/* Else the device's key would differ from it for ever, and be set again and again. */
static void test_a_key_that_somebody_wrote_is_as_the_kernel_has_it(void **state)
{
	struct wireguard_key key;

	(void)state;
	put_key(FILE, SCALAR, 0600);
	assert_int_equal(wireguard_key_load(NAME, &key, NULL), 0);
	assert_int_equal(key.bytes[0], 'a' & 248);
	assert_memory_equal(key.bytes + 1, SCALAR + 1, 30);
	assert_int_equal(key.bytes[31], ('5' & 127) | 64);
}

static void test_what_others_may_have_read_or_written_is_no_key(void **state)
{
	struct wireguard_key key;

	(void)state;
	for (int i = 0; i < 6; i++) {
		unlink(SCRATCH_PATH(run_dir, FILE));
		put_key("elsewhere", SCALAR, 0600);
		if (i == 0)
			put_key(FILE, SCALAR, 0640);
		else if (i == 1)
			put_key(FILE, SCALAR, 0602);
		else if (i == 2)
			put_key(FILE, SCALAR "6", 0600);
		else if (i == 3)
			symlink_file(run_dir, "elsewhere", FILE);
		else if (i == 4)
			link_file(run_dir, "elsewhere", FILE);
		else
			fifo_file(run_dir, FILE);
		assert_int_equal(wireguard_key_load(NAME, &key, NULL),
				 WIREGUARD_KEY_MADE);
		assert_memory_not_equal(key.bytes + 1, SCALAR + 1, 30);
		assert_mode(run_dir, FILE, 0600);
		assert_file(run_dir, "elsewhere", SCALAR, 0600);
		assert_int_equal(wireguard_key_load(NAME, &key, NULL), 0);
		unlink(SCRATCH_PATH(run_dir, "elsewhere"));
	}
}

static void test_where_others_may_write_there_is_no_key(void **state)
{
	struct cni_error err = {};
	struct wireguard_key key;

	assert_int_equal(chmod(*state, 0770), 0);
	assert_true(wireguard_key_load(NAME, &key, &err) < 0);
	assert_error(&err, CNI_ERR_IO, "others than user");
	assert_absent(run_dir, FILE);
}

static void test_a_directory_in_the_keys_place_is_named(void **state)
{
	struct cni_error err = {};
	struct wireguard_key key;

	(void)state;
	make_dir(run_dir, FILE);
	assert_true(wireguard_key_load(NAME, &key, &err) < 0);
	assert_error(&err, CNI_ERR_IO, FILE);
	assert_absent(run_dir, ASIDE);
}

static void test_a_keys_age_is_counted_from_the_boot(void **state)
{
	struct wireguard_key key;

	(void)state;
	assert_int_equal(age(), 0);
	assert_int_equal(wireguard_key_load(NAME, &key, NULL), WIREGUARD_KEY_MADE);
	assert_in_range(since_boot() - modified(FILE), 0, TOLERANT);
	assert_in_range(age(), 0, TOLERANT);
	set_modified(FILE, since_boot() - 3 * ONE_DAY);
	assert_in_range(age(), 3 * ONE_DAY, 3 * ONE_DAY + TOLERANT);
	/* Reading it makes it no younger. */
	assert_int_equal(wireguard_key_load(NAME, &key, NULL), 0);
	assert_in_range(age(), 3 * ONE_DAY, 3 * ONE_DAY + TOLERANT);
}

static void test_a_key_from_the_future_is_as_one_that_is_made_now(void **state)
{
	(void)state;
	put_key(FILE, SCALAR, 0600);
	set_modified(FILE, since_boot() + 9 * ONE_DAY);
	assert_int_equal(age(), 0);
	assert_in_range(since_boot() - modified(FILE), 0, TOLERANT);
	/* By the clock on the wall, as everybody else sets it. */
	set_modified(FILE, time(NULL));
	assert_int_equal(age(), 0);
	assert_in_range(since_boot() - modified(FILE), 0, TOLERANT);
}

static void test_what_a_link_leads_to_has_no_age_here(void **state)
{
	int64_t then = since_boot() + 9 * ONE_DAY;

	(void)state;
	put_key("elsewhere", SCALAR, 0600);
	set_modified("elsewhere", then);
	symlink_file(run_dir, "elsewhere", FILE);
	set_modified(FILE, since_boot() - ONE_DAY);
	assert_in_range(age(), ONE_DAY, ONE_DAY + TOLERANT);
	set_modified(FILE, then);
	assert_int_equal(age(), 0);
	assert_int_equal(modified("elsewhere"), then);
}

static void test_removing_leaves_nothing(void **state)
{
	struct wireguard_key key;

	assert_int_equal(wireguard_key_load(NAME, &key, NULL), WIREGUARD_KEY_MADE);
	/* An agent that was killed while it wrote has left it. */
	put_key(ASIDE, SCALAR, 0600);
	assert_int_equal(wireguard_key_remove(NAME, NULL), 0);
	assert_absent(run_dir, FILE);
	assert_absent(run_dir, ASIDE);
	assert_int_equal(wireguard_key_remove(NAME, NULL), 0);
	run_dir = SCRATCH_PATH(*state, "missing");
	assert_int_equal(wireguard_key_remove(NAME, NULL), 0);
	assert_absent(*state, "missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_a_key_is_made_once),
		FILE_TEST(test_a_key_that_somebody_wrote_is_as_the_kernel_has_it),
		FILE_TEST(test_what_others_may_have_read_or_written_is_no_key),
		FILE_TEST(test_where_others_may_write_there_is_no_key),
		FILE_TEST(test_a_directory_in_the_keys_place_is_named),
		FILE_TEST(test_a_keys_age_is_counted_from_the_boot),
		FILE_TEST(test_a_key_from_the_future_is_as_one_that_is_made_now),
		FILE_TEST(test_what_a_link_leads_to_has_no_age_here),
		FILE_TEST(test_removing_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
