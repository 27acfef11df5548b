/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reservations are files in the host-local store. They are opened relative to the store's
 * directory, without following symbolic links and without blocking, because anything may
 * stand in a directory that other programs write to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "conf/identity.h"
#include "store.h"

#define FILE_MODE 0644 /* host-local's */
/* Fixed names suffice, as only the lock's holder writes. No record's name
 * starts with a dot. */
#define ASIDE_PREFIX   ".reservation."
#define ASIDE_NAME_MAX 32

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1 /* linux/fs.h */
#endif

/* Reads less than @size bytes. Gives their number; -EFBIG: there are more, or it is no
 * regular file; or -errno. */
static ssize_t read_file(const struct store *store, const char *name, char *buf,
			 size_t size)
{
	_cleanup_(close_p) int fd = -1;
	ssize_t n;

	fd = openat(store->dir_fd, name, O_RDONLY | STORE_OPEN_FLAGS);
	/* One read() is enough: so short a regular file comes whole. */
	n = fd < 0 ? -1 : read(fd, buf, size);
	if (n >= 0)
		return (size_t)n == size ? -EFBIG : n;
	switch (errno) {
	case ELOOP: /* a symbolic link */
	case EISDIR:
	case ENXIO: /* a socket, a device without a driver */
	case EAGAIN: /* a FIFO */
		return -EFBIG;
	default:
		return -errno;
	}
}

/* A power cut may leave zeros in place of a text. */
static bool is_blank(char c)
{
	return c == '\0' || c == ' ' || (c >= '\t' && c <= '\r');
}

static int read_holder(const struct store *store, const char *name,
		       struct holder_text *ret_text)
{
	struct holder_text holder = {};
	size_t skip = 0;
	ssize_t n;

	n = read_file(store, name, holder.text, sizeof(holder.text));
	if (n < 0)
		return (int)n;
	holder.len = (size_t)n;
	while (holder.len > 0 && is_blank(holder.text[holder.len - 1]))
		holder.len--;
	while (skip < holder.len && is_blank(holder.text[skip]))
		skip++;
	ret_text->len = holder.len - skip;
	memcpy(ret_text->text, holder.text + skip, ret_text->len);
	return 0;
}

int store_holder_of(const struct store *store, const struct ip_addr *ip,
		    struct holder_text *ret_text)
{
	return read_holder(store, IP_TEXT(ip), ret_text);
}

uint64_t holder_text_hash(const struct holder_text *text)
{
	return hash_bytes(text->text, text->len);
}

enum holder_match holder_match(const struct holder_text *text,
			       const struct holder *holder)
{
	size_t id = strlen(holder->container_id), name = strlen(holder->ifname);

	if (text->len < id || memcmp(text->text, holder->container_id, id) != 0)
		return HOLDER_OTHER;
	if (text->len == id)
		return HOLDER_OLD;
	if (text->len == id + 2 + name && memcmp(text->text + id, "\r\n", 2) == 0 &&
	    memcmp(text->text + id + 2, holder->ifname, name) == 0)
		return HOLDER_EXACT;
	return HOLDER_OTHER;
}

const char *holder_format(const struct holder_text *text, char buf[HOLDER_TEXT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < text->len && n < HOLDER_TEXT_MAX - 1; i++) {
		unsigned char c = (unsigned char)text->text[i];

		if (c == '\r' && i + 1 < text->len && text->text[i + 1] == '\n')
			continue;
		buf[n++] = c == '\n' ? '/' : c > ' ' && c < 0x7f ? (char)c : '?';
	}
	buf[n] = '\0';
	return text->len == 0 ? "nobody (an empty file)" : buf;
}

static const char *aside_name(unsigned int n, char buf[ASIDE_NAME_MAX])
{
	snprintf(buf, ASIDE_NAME_MAX, ASIDE_PREFIX "%u", n);
	return buf;
}

void store_discard(struct store *store)
{
	char name[ASIDE_NAME_MAX];

	while (store->asides > 0)
		unlinkat(store->own_fd, aside_name(--store->asides, name), 0);
}

void store_tidy(const struct store *store)
{
	char name[ASIDE_NAME_MAX];

	if (store->own_fd < 0)
		return;
	unlinkat(store->own_fd, STORE_ASIDE_FILE, 0);
	for (unsigned int n = 0; unlinkat(store->own_fd, aside_name(n, name), 0) == 0;)
		n++;
}

int store_prepare(struct store *store, unsigned int n, const struct holder *holder,
		  struct file_mark *ret_mark, struct cni_error *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | STORE_OPEN_FLAGS;
	_cleanup_(close_p) int fd = -1;
	char name[ASIDE_NAME_MAX], text[HOLDER_TEXT_MAX];
	ssize_t written;
	struct stat st;
	int len;

	len = snprintf(text, sizeof(text), "%s\r\n%s", holder->container_id,
		       holder->ifname);
	if (len < 0 || (size_t)len >= sizeof(text))
		return error_set(err, CNI_ERR_INTERNAL, ENAMETOOLONG,
				 "the attachment's name is too long for the store");
	fd = openat(store->own_fd, aside_name(n, name), flags, FILE_MODE);
	if (fd < 0 && errno == EEXIST) {
		/* An ADD that was killed left it. It is not written over, because the
		 * same file may be in place already. */
		unlinkat(store->own_fd, name, 0);
		fd = openat(store->own_fd, name, flags, FILE_MODE);
	}
	if (fd < 0)
		return store_file_error(store->own_path, name, errno, "make", err);
	store->asides = n + 1;
	written = write(fd, text, (size_t)len);
	if (written < 0 || fstat(fd, &st) < 0)
		return store_file_error(store->own_path, name, errno, "write", err);
	if (written != len)
		return store_file_error(store->own_path, name, ENOSPC, "write", err);
	/* The runtime's umask must not change the mode of the store's files. */
	if ((st.st_mode & 07777) != FILE_MODE && fchmod(fd, FILE_MODE) < 0)
		return store_file_error(store->own_path, name, errno, "write", err);
	*ret_mark = file_mark_of(&st);
	return 0;
}

/* Renames a file without replacing one, also where the file system can't do
 * that at once. */
static int rename_if_free(const struct store *store, const char *aside, const char *name)
{
	/* Not every C library has the function. */
	if (syscall(SYS_renameat2, store->own_fd, aside, store->dir_fd, name,
		    RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(store->own_fd, aside, store->dir_fd, name, 0) < 0)
		return -errno;
	unlinkat(store->own_fd, aside, 0);
	return 0;
}

int store_place(struct store *store, unsigned int n, const struct ip_addr *ip,
		struct cni_error *err)
{
	char aside[ASIDE_NAME_MAX], name[IP_TEXT_MAX];
	int ret;

	ret = rename_if_free(store, aside_name(n, aside), ip_format(ip, name));
	if (ret == 0)
		store->asides = n;
	if (ret == 0 || ret == -EEXIST)
		return ret == 0 ? 0 : STORE_TAKEN;
	return store_file_error(store->path, name, -ret, "make", err);
}

int store_remove(const struct store *store, const struct ip_addr *ip,
		 struct cni_error *err)
{
	char name[IP_TEXT_MAX];

	if (unlinkat(store->dir_fd, ip_format(ip, name), 0) == 0 || errno == ENOENT)
		return 0;
	return store_file_error(store->path, name, errno, "remove", err);
}
