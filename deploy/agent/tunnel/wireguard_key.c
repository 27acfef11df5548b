/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64 of 32 bytes, and a file of 32 bytes that its owner alone can read. */
#include "wireguard_key.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "plugin/node/node.h"

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define TEXT_DIGITS (WIREGUARD_KEY_TEXT_LEN - 1) /* of six bits; behind them is '=' */

/* Gives the six bits of the key that the digit @i stands for; the last digit has two bits
 * of 0 beyond the key's end. */
static unsigned int six_bits(const struct wireguard_key *key, size_t i)
{
	size_t at = i * 6 / 8;
	unsigned int low = at + 1 < WIREGUARD_KEY_LEN ? key->bytes[at + 1] : 0;

	return ((unsigned int)key->bytes[at] << 8 | low) >> (10 - i * 6 % 8) & 63;
}

const char *wireguard_key_format(const struct wireguard_key *key,
				 char buf[WIREGUARD_KEY_TEXT_LEN + 1])
{
	for (size_t i = 0; i < TEXT_DIGITS; i++)
		buf[i] = digits[six_bits(key, i)];
	buf[TEXT_DIGITS] = '=';
	buf[WIREGUARD_KEY_TEXT_LEN] = '\0';
	return buf;
}

int wireguard_key_parse(const char *text, size_t len, struct wireguard_key *ret_key)
{
	/* The table has each digit's value and one more: 0 is no digit. */
	static const uint8_t worth[UINT8_MAX + 1] = {
		['A'] = 1, 2,  3,  4,  5,	   6,  7,  8,	       9,	   10, 11,
		12,	   13, 14, 15, 16,	   17, 18, 19,	       20,	   21, 22,
		23,	   24, 25, 26, ['a'] = 27, 28, 29, 30,	       31,	   32, 33,
		34,	   35, 36, 37, 38,	   39, 40, 41,	       42,	   43, 44,
		45,	   46, 47, 48, 49,	   50, 51, 52,	       ['0'] = 53, 54, 55,
		56,	   57, 58, 59, 60,	   61, 62, ['+'] = 63, ['/'] = 64,
	};
	static const struct wireguard_key none = {};
	struct wireguard_key key = {};
	unsigned int bits = 0;

	if (len < WIREGUARD_KEY_TEXT_LEN || text[TEXT_DIGITS] != '=')
		return -EINVAL;
	for (size_t i = 0; i < TEXT_DIGITS; i++) {
		unsigned int digit = worth[(uint8_t)text[i]];
		size_t whole = (i + 1) * 6 / 8; /* bytes that are complete with it */

		if (!digit)
			return -EINVAL;
		bits = bits << 6 | (digit - 1);
		if (whole > i * 6 / 8)
			key.bytes[whole - 1] = bits >> ((i + 1) * 6 % 8);
	}
	if ((bits & 3) || memcmp(&key, &none, sizeof(key)) == 0)
		return -EINVAL;
	*ret_key = key;
	return 0;
}

void wireguard_key_wipe(struct wireguard_key *key)
{
	explicit_bzero(key, sizeof(*key));
}

/* -- the file */

#define FILE_NAME_MAX (IF_NAMESIZE + 16)

static const char *file_name(const char *ifname, char buf[FILE_NAME_MAX])
{
	snprintf(buf, FILE_NAME_MAX, "%s.key", ifname);
	return buf;
}

/* The file as it is written; an agent that was killed meanwhile leaves it. */
static const char *aside_name(const char *ifname, char buf[FILE_NAME_MAX])
{
	snprintf(buf, FILE_NAME_MAX, ".%s.key.new", ifname);
	return buf;
}

/* The present time as files of keys have it. */
static struct timespec now(void)
{
	struct timespec time = {};

	clock_gettime(CLOCK_BOOTTIME, &time);
	return time;
}

/* Opens the directory, and makes it where it is missing. */
static int dir_open(int *ret_fd, struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;
	struct stat st;

	if (mkdir(NODE_LOCK_DIR, 0700) < 0 && errno != EEXIST)
		return error_errno(err, CNI_ERR_IO, errno, "making " NODE_LOCK_DIR);
	fd = open(NODE_LOCK_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "opening " NODE_LOCK_DIR);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return error_set(err, CNI_ERR_IO, EPERM,
				 NODE_LOCK_DIR
				 ": others than user %d may write there, so "
				 "that no key can be kept there",
				 (int)geteuid());
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Sets those bits that a scalar of Curve25519 has fixed (RFC 7748, section 5), as the kernel
 * does with a key that it is given. */
static void key_clamp(struct wireguard_key *key)
{
	key->bytes[0] &= 248;
	key->bytes[WIREGUARD_KEY_LEN - 1] &= 127;
	key->bytes[WIREGUARD_KEY_LEN - 1] |= 64;
}

#define KEY_ABSENT 1 /* there is no file, or one that isn't a key's alone */

/* Codes 5: there is a file that can't be read. */
static int key_read(int dir, const char *name, struct wireguard_key *ret_key,
		    struct cni_error *err)
{
	_cleanup_(wireguard_key_wipe) struct wireguard_key key = {};
	_cleanup_(close_p) int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t got;

	/* ELOOP: it is a symbolic link. ENXIO: it is a socket. */
	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO))
		return KEY_ABSENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "opening %s/%s", NODE_LOCK_DIR,
				   name);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IRWXG | S_IRWXO)) || st.st_size != sizeof(key))
		return KEY_ABSENT;
	got = read(fd, &key, sizeof(key));
	if (got != sizeof(key))
		return error_errno(err, CNI_ERR_IO, got < 0 ? errno : EIO,
				   "reading %s/%s", NODE_LOCK_DIR, name);
	key_clamp(&key);
	*ret_key = key;
	return 0;
}

/* A file of tmpfs is written whole or not at all. It takes its name when it is whole. */
static int key_write(int dir, const char *ifname, const struct wireguard_key *key,
		     struct cni_error *err)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, now()};
	_cleanup_(close_p) int fd = -1;
	char buf[FILE_NAME_MAX], aside_buf[FILE_NAME_MAX];
	const char *name = file_name(ifname, buf);
	const char *aside = aside_name(ifname, aside_buf);
	ssize_t written;

	if (unlinkat(dir, aside, 0) < 0 && errno != ENOENT)
		return error_errno(err, CNI_ERR_IO, errno, "removing %s/%s",
				   NODE_LOCK_DIR, aside);
	fd = openat(dir, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return error_errno(err, CNI_ERR_IO, errno, "making %s/%s", NODE_LOCK_DIR,
				   aside);
	written = write(fd, key, sizeof(*key));
	if (written == sizeof(*key) && futimens(fd, times) == 0 &&
	    renameat(dir, aside, dir, name) == 0)
		return 0;
	if (written >= 0 && written != sizeof(*key))
		errno = ENOSPC;
	error_errno(err, CNI_ERR_IO, errno, "writing %s/%s", NODE_LOCK_DIR, name);
	unlinkat(dir, aside, 0);
	return -EIO;
}

/* Makes a private key of random bytes. */
static int key_make(struct wireguard_key *ret_key, struct cni_error *err)
{
	ssize_t got = getrandom(ret_key, sizeof(*ret_key), 0);

	/* The kernel gives up to 256 bytes whole, once it is seeded. */
	if (got != sizeof(*ret_key))
		return error_errno(err, CNI_ERR_INTERNAL, got < 0 ? errno : EIO,
				   "getting random bytes for a key");
	key_clamp(ret_key);
	return 0;
}

int wireguard_key_load(const char *ifname, struct wireguard_key *ret_key,
		       struct cni_error *err)
{
	_cleanup_(wireguard_key_wipe) struct wireguard_key key = {};
	_cleanup_(close_p) int dir = -1;
	char buf[FILE_NAME_MAX];
	int ret = dir_open(&dir, err), found;

	if (ret < 0)
		return ret;
	found = key_read(dir, file_name(ifname, buf), &key, err);
	if (found < 0)
		return found;
	if (found == KEY_ABSENT) {
		ret = key_make(&key, err);
		if (ret == 0)
			ret = key_write(dir, ifname, &key, err);
		if (ret < 0)
			return ret;
	}
	*ret_key = key;
	return found == KEY_ABSENT ? WIREGUARD_KEY_MADE : 0;
}

int wireguard_key_age(const char *ifname, int64_t *ret_age, struct cni_error *err)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, now()};
	_cleanup_(close_p) int dir = -1;
	char buf[FILE_NAME_MAX];
	const char *name = file_name(ifname, buf);
	int ret = dir_open(&dir, err);
	int64_t age = 0;
	struct stat st;

	if (ret < 0)
		return ret;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		age = (int64_t)times[1].tv_sec - st.st_mtime;
	else if (errno != ENOENT)
		return error_errno(err, CNI_ERR_IO, errno, "looking at %s/%s",
				   NODE_LOCK_DIR, name);
	if (age < 0 && utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, CNI_ERR_IO, errno, "setting the time of %s/%s",
				   NODE_LOCK_DIR, name);
	*ret_age = age < 0 ? 0 : age;
	return 0;
}

static int file_remove(int dir, const char *name, struct cni_error *err)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return error_errno(err, CNI_ERR_IO, errno, "removing %s/%s",
				   NODE_LOCK_DIR, name);
	return 0;
}

int wireguard_key_remove(const char *ifname, struct cni_error *err)
{
	_cleanup_(close_p) int dir = open(NODE_LOCK_DIR, O_RDONLY | O_DIRECTORY |
								 O_NOFOLLOW | O_CLOEXEC);
	char buf[FILE_NAME_MAX];
	int ret;

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0)
		return error_errno(err, CNI_ERR_IO, errno, "opening " NODE_LOCK_DIR);
	ret = file_remove(dir, file_name(ifname, buf), err);
	return ret < 0 ? ret : file_remove(dir, aside_name(ifname, buf), err);
}
