/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory of its own for each test (*state is its path) and what is in it: for tests
 * of code that works on files.
 */
#ifndef BRIDGE_CNI_TESTS_SCRATCH_H
#define BRIDGE_CNI_TESTS_SCRATCH_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base/error.h"

#define SCRATCH_TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

static inline int scratch_make(void **state)
{
	char path[] = "/tmp/bridge-cni-unit.XXXXXX";

	if (!mkdtemp(path))
		return -1;
	*state = strdup(path);
	return *state ? 0 : -1;
}

static inline int scratch_remove_entry(const char *path, const struct stat *st, int type,
				       struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int scratch_remove(void **state)
{
	int ret = nftw(*state, scratch_remove_entry, 8, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return ret;
}

/* @dir/@name; the directory it is in is made. */
static inline const char *scratch_path(const char *dir, const char *name,
				       char buf[PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/%s", dir, name);
	for (char *slash = buf + strlen(dir) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(buf, 0755);
		*slash = '/';
	}
	return buf;
}
#define SCRATCH_PATH(dir, name) scratch_path((dir), (name), (char[PATH_MAX]){})

static inline void put_file(const char *dir, const char *name, const char *text)
{
	int fd = open(SCRATCH_PATH(dir, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		      0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline void make_dir(const char *dir, const char *name)
{
	assert_int_equal(mkdir(SCRATCH_PATH(dir, name), 0755), 0);
}

static inline void link_file(const char *dir, const char *from, const char *to)
{
	assert_int_equal(link(SCRATCH_PATH(dir, from), SCRATCH_PATH(dir, to)), 0);
}

static inline void symlink_file(const char *dir, const char *target, const char *name)
{
	assert_int_equal(symlink(target, SCRATCH_PATH(dir, name)), 0);
}

static inline void fifo_file(const char *dir, const char *name)
{
	assert_int_equal(mkfifo(SCRATCH_PATH(dir, name), 0644), 0);
}

static inline bool is_present(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return lstat(path, &st) == 0;
}

static inline void assert_present(const char *dir, const char *name)
{
	if (!is_present(dir, name))
		fail_msg("%s is missing", name);
}

static inline void assert_absent(const char *dir, const char *name)
{
	if (is_present(dir, name))
		fail_msg("%s is there", name);
}

static inline void assert_mode(const char *dir, const char *name, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(SCRATCH_PATH(dir, name), &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

/* @mode 0: any. */
static inline void assert_file(const char *dir, const char *name, const char *text,
			       mode_t mode)
{
	char buf[1024];
	ssize_t n;
	int fd;

	assert_present(dir, name);
	fd = open(SCRATCH_PATH(dir, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	assert_true(fd >= 0);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, text);
	if (mode)
		assert_mode(dir, name, mode);
}

static inline void assert_error(const struct cni_error *err, int code, const char *part)
{
	assert_int_equal(err->code, code);
	if (!strstr(err->msg, part))
		fail_msg("\"%s\" is not in \"%s\"", part, err->msg);
}

#endif
