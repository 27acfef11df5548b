/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files in the host-local store: reservations and last reserved addresses. All are
 * opened relative to the store's directory, follow no symbolic link and never block, for
 * anything may stand in a directory that other programs write to.
 */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "allocator.h"

#define FILE_MODE     0644 /* host-local's */
#define LAST_PREFIX   "last_reserved_ip."
#define LAST_NAME_MAX 48
/* One fixed name: only the lock's holder writes. No container ID starts with a dot. */
#define ASIDE_FILE ".reservation"

#define OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* A pass over the names that may be reservations. */
struct store_walk {
	DIR *dir;
};

static void store_walk_end(struct store_walk *walk)
{
	if (walk->dir)
		closedir(walk->dir);
}

static int store_walk_start(const struct store *store, struct store_walk *ret_walk,
			    struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;

	/* A descriptor of its own: the position in a directory belongs to the open file. */
	fd = openat(store->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret_walk->dir = fd < 0 ? NULL : fdopendir(fd);
	if (!ret_walk->dir)
		return store_file_error(store->path, NULL, errno, "list", err);
	TAKE_FD(fd);
	return 0;
}

static bool is_regular(DIR *dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_REG;
	return fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}

/* 1: *ret_name is the next one, valid until the following call; 0: no more. */
static int store_walk_next(const struct store *store, struct store_walk *walk,
			   const char **ret_name, struct cni_error *err)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(walk->dir))) {
		/* Not reservations, whatever their text: an ID may be an address. */
		if (strcmp(entry->d_name, STORE_LOCK_FILE) == 0 ||
		    strncmp(entry->d_name, LAST_PREFIX, strlen(LAST_PREFIX)) == 0 ||
		    !is_regular(walk->dir, entry))
			continue;
		*ret_name = entry->d_name;
		return 1;
	}
	if (errno == 0)
		return 0;
	return err->code ? -errno
			 : store_file_error(store->path, NULL, errno, "list", err);
}

/* At most @size bytes. Their number, -EFBIG when there are more, or -errno. */
static ssize_t read_file(const struct store *store, const char *name, char *buf,
			 size_t size)
{
	_cleanup_(close_p) int fd = -1;
	ssize_t n;

	fd = openat(store->dir_fd, name, O_RDONLY | OPEN_FLAGS);
	if (fd < 0)
		return -errno;
	/* One read: so short a regular file comes whole. */
	n = read(fd, buf, size);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -EFBIG;
	return n;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int read_owner(const struct store *store, const char *name,
		      struct owner_text *ret_text)
{
	struct owner_text owner;
	size_t skip = 0;
	ssize_t n;

	n = read_file(store, name, owner.text, sizeof(owner.text));
	if (n < 0)
		return (int)n;
	owner.len = (size_t)n;
	while (owner.len > 0 && is_blank(owner.text[owner.len - 1]))
		owner.len--;
	while (skip < owner.len && is_blank(owner.text[skip]))
		skip++;
	ret_text->len = owner.len - skip;
	memcpy(ret_text->text, owner.text + skip, ret_text->len);
	return 0;
}

int store_owner_of(const struct store *store, const struct ip_addr *ip,
		   struct owner_text *ret_text)
{
	return read_owner(store, IP_TEXT(ip), ret_text);
}

enum owner_match owner_match(const struct owner_text *text, const struct owner *owner)
{
	size_t id = strlen(owner->container_id), name = strlen(owner->ifname);

	if (text->len < id || memcmp(text->text, owner->container_id, id) != 0)
		return OWNER_OTHER;
	if (text->len == id)
		return OWNER_OLD;
	if (text->len == id + 2 + name && memcmp(text->text + id, "\r\n", 2) == 0 &&
	    memcmp(text->text + id + 2, owner->ifname, name) == 0)
		return OWNER_EXACT;
	return OWNER_OTHER;
}

const char *owner_format(const struct owner_text *text, char buf[OWNER_TEXT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < text->len && n < OWNER_TEXT_MAX - 1; i++) {
		unsigned char c = (unsigned char)text->text[i];

		if (c == '\r' && i + 1 < text->len && text->text[i + 1] == '\n')
			continue;
		buf[n++] = c == '\n' ? '/' : c > ' ' && c < 0x7f ? (char)c : '?';
	}
	buf[n] = '\0';
	return text->len == 0 ? "nobody (an empty file)" : buf;
}

void store_discard(struct store *store)
{
	if (store->own_fd >= 0)
		unlinkat(store->own_fd, ASIDE_FILE, 0);
	store->prepared = false;
}

int store_prepare(struct store *store, const struct owner *owner, struct cni_error *err)
{
	_cleanup_(close_p) int fd = -1;
	char text[OWNER_TEXT_MAX];
	int len;
	ssize_t n;

	len = snprintf(text, sizeof(text), "%s\r\n%s", owner->container_id,
		       owner->ifname);
	if (len < 0 || (size_t)len >= sizeof(text))
		return error_set(err, CNI_ERR_INTERNAL, ENAMETOOLONG,
				 "the attachment's name is too long for the store");
	fd = openat(store->own_fd, ASIDE_FILE, O_WRONLY | O_CREAT | O_EXCL | OPEN_FLAGS,
		    FILE_MODE);
	if (fd < 0)
		return store_file_error(store->own_path, ASIDE_FILE, errno, "make", err);
	store->prepared = true;
	n = write(fd, text, (size_t)len);
	/* The umask is the runtime's, the mode the store's. */
	if (n < 0 || fchmod(fd, FILE_MODE) < 0)
		return store_file_error(store->own_path, ASIDE_FILE, errno, "write", err);
	if (n != len)
		return store_file_error(store->own_path, ASIDE_FILE, ENOSPC, "write",
					err);
	return 0;
}

int store_place(struct store *store, const struct ip_addr *ip, struct cni_error *err)
{
	char name[IP_TEXT_MAX];

	ip_format(ip, name);
	if (linkat(store->own_fd, ASIDE_FILE, store->dir_fd, name, 0) == 0) {
		store_discard(store); /* the name aside; the file is in place now */
		return 0;
	}
	if (errno == EEXIST)
		return -EEXIST;
	return store_file_error(store->path, name, errno, "make", err);
}

int store_remove(const struct store *store, const struct ip_addr *ip,
		 struct cni_error *err)
{
	char name[IP_TEXT_MAX];

	if (unlinkat(store->dir_fd, ip_format(ip, name), 0) == 0 || errno == ENOENT)
		return 0;
	return store_file_error(store->path, name, errno, "remove", err);
}

/* What a pass met. */
struct tally {
	int error; /* the first, which is in err; 0 or -errno */
	size_t matched; /* of the kind looked for, removed or not */
	size_t old; /* matches of the old format */
	int unreadable; /* errno of the first file that can't be read, or 0 */
	char unreadable_name[NAME_MAX + 1];
};

/* Removes what matches @owner as @wanted; only the first error stays in @err. */
static void remove_matching(const struct store *store, const struct owner *owner,
			    enum owner_match wanted, struct tally *tally,
			    struct cni_error *err)
{
	_cleanup_(store_walk_end) struct store_walk walk = {};
	const char *name;
	int r;

	r = store_walk_start(store, &walk, err);
	while (r >= 0 && (r = store_walk_next(store, &walk, &name, err)) > 0) {
		struct owner_text text;
		enum owner_match match;

		r = read_owner(store, name, &text);
		if (r < 0 && r != -EFBIG && r != -ENOENT && tally->unreadable == 0) {
			tally->unreadable = -r;
			snprintf(tally->unreadable_name, sizeof(tally->unreadable_name),
				 "%s", name);
		}
		if (r < 0) {
			r = 0;
			continue;
		}
		match = owner_match(&text, owner);
		tally->old += match == OWNER_OLD;
		if (match != wanted)
			continue;
		tally->matched++;
		if (unlinkat(store->dir_fd, name, 0) < 0 && errno != ENOENT &&
		    tally->error == 0)
			tally->error = store_file_error(store->path, name, errno,
							"remove", err);
	}
	if (r < 0 && tally->error == 0)
		tally->error = r;
}

int store_release(const struct store *store, const struct owner *owner,
		  struct cni_error *err)
{
	struct tally tally = {};

	remove_matching(store, owner, OWNER_EXACT, &tally, err);
	if (tally.matched == 0 && tally.old > 0 && tally.error == 0)
		remove_matching(store, owner, OWNER_OLD, &tally, err);
	if (tally.matched == 0 && tally.unreadable != 0 && tally.error == 0)
		return store_file_error(store->path, tally.unreadable_name,
					tally.unreadable, "read", err);
	return tally.error;
}

int store_find(const struct store *store, const struct owner *owner,
	       struct ip_addr *ret_ip, struct cni_error *err)
{
	_cleanup_(store_walk_end) struct store_walk walk = {};
	const char *name;
	int r;

	r = store_walk_start(store, &walk, err);
	if (r < 0)
		return r;
	while ((r = store_walk_next(store, &walk, &name, err)) > 0) {
		struct owner_text text;
		struct ip_addr ip;

		if (ip_parse(name, &ip) < 0 || read_owner(store, name, &text) < 0 ||
		    owner_match(&text, owner) == OWNER_OTHER)
			continue;
		*ret_ip = ip;
		return 0;
	}
	return r < 0 ? r : -ENOENT;
}

int store_count(const struct store *store, const struct range_set *set, size_t *ret_count,
		struct cni_error *err)
{
	_cleanup_(store_walk_end) struct store_walk walk = {};
	const char *name;
	size_t count = 0;
	int r;

	r = store_walk_start(store, &walk, err);
	if (r < 0)
		return r;
	while ((r = store_walk_next(store, &walk, &name, err)) > 0) {
		struct ip_addr ip;

		if (ip_parse(name, &ip) == 0 && range_set_find(set, &ip))
			count++;
	}
	if (r < 0)
		return r;
	*ret_count = count;
	return 0;
}

bool store_last_get(const struct store *store, size_t set, struct ip_addr *ret_ip)
{
	char name[LAST_NAME_MAX], text[IP_TEXT_MAX + 1];
	ssize_t n;

	snprintf(name, sizeof(name), LAST_PREFIX "%zu", set);
	n = read_file(store, name, text, sizeof(text));
	if (n < 0 || memchr(text, '\0', (size_t)n))
		return false;
	text[n] = '\0';
	return ip_parse(text, ret_ip) == 0;
}

/* Opened for writing, made when missing; something else of that name makes room. */
static int open_last(const struct store *store, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | OPEN_FLAGS;
	int fd;

	fd = openat(store->dir_fd, name, flags, FILE_MODE);
	/* A symbolic link; a FIFO or a socket. Following or filling it helps nobody. */
	if (fd < 0 && (errno == ELOOP || errno == ENXIO) &&
	    unlinkat(store->dir_fd, name, 0) == 0)
		fd = openat(store->dir_fd, name, flags, FILE_MODE);
	return fd < 0 ? -errno : fd;
}

int store_last_put(const struct store *store, size_t set, const struct ip_addr *ip,
		   struct cni_error *err)
{
	char name[LAST_NAME_MAX], text[IP_TEXT_MAX];
	_cleanup_(close_p) int fd = -1;
	struct stat st;
	size_t len;
	ssize_t n;

	snprintf(name, sizeof(name), LAST_PREFIX "%zu", set);
	len = strlen(ip_format(ip, text));
	fd = open_last(store, name);
	if (fd < 0)
		return store_file_error(store->path, name, -fd, "open", err);
	/* Not truncated first: ext4 would write a truncated file back at its close. What
	 * a kill leaves between the two is at worst another place to start from. */
	n = pwrite(fd, text, len, 0);
	if (n < 0 || fstat(fd, &st) < 0)
		return store_file_error(store->path, name, errno, "write", err);
	if ((size_t)n != len)
		return store_file_error(store->path, name, ENOSPC, "write", err);
	if (st.st_size > (off_t)len && ftruncate(fd, (off_t)len) < 0)
		return store_file_error(store->path, name, errno, "write", err);
	if ((st.st_mode & 07777) != FILE_MODE && fchmod(fd, FILE_MODE) < 0)
		return store_file_error(store->path, name, errno, "write", err);
	return 0;
}
