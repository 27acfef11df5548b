/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files last_reserved_ip.<n>, which say where the search for an address goes on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store.h"

#define FILE_MODE     0644 /* host-local's */
#define LAST_NAME_MAX 48

static const char *last_name(size_t set, char buf[LAST_NAME_MAX])
{
	snprintf(buf, LAST_NAME_MAX, STORE_LAST_PREFIX "%zu", set);
	return buf;
}

void store_last_get(const struct store *store, size_t set, struct last_file *ret_last)
{
	char name[LAST_NAME_MAX], text[IP_TEXT_MAX + 1];
	struct last_file last = LAST_CLOSED;
	ssize_t n;

	last.fd = openat(store->dir_fd, last_name(set, name), O_RDWR | STORE_OPEN_FLAGS);
	n = last.fd < 0 ? -1 : read(last.fd, text, sizeof(text));
	if (n < 0) {
		/* Something else than a file has the name, a FIFO or a directory for
		 * example. store_last_put() removes it. */
		last_close(&last);
		*ret_last = LAST_CLOSED;
		return;
	}
	last.len = (size_t)n;
	if (n < (ssize_t)sizeof(text) && !memchr(text, '\0', last.len)) {
		text[n] = '\0';
		if (ip_parse(text, &last.ip) < 0)
			last.ip.family = 0;
	}
	*ret_last = last;
}

/* Opens the file, and makes it where it is missing. Something else of its
 * name is removed. */
static int make_last(const struct store *store, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | STORE_OPEN_FLAGS;
	int fd;

	fd = openat(store->dir_fd, name, flags, FILE_MODE);
	/* A symbolic link, a FIFO or a socket has the name. Nobody reads what would be
	 * written to it, so it is removed. */
	if (fd < 0 && (errno == ELOOP || errno == ENXIO) &&
	    unlinkat(store->dir_fd, name, 0) == 0)
		fd = openat(store->dir_fd, name, flags, FILE_MODE);
	/* The runtime's umask must not change the mode of the store's files. */
	if (fd >= 0)
		(void)fchmod(fd, FILE_MODE);
	return fd < 0 ? -errno : fd;
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int store_last_put(const struct store *store, size_t set, struct last_file *last,
		   const struct ip_addr *ip, struct cni_error *err)
{
	char name[LAST_NAME_MAX], text[IP_TEXT_MAX];
	size_t len;
	ssize_t n;

	last_name(set, name);
	len = strlen(ip_format(ip, text));
	if (last->fd >= 0 && last->len == 0 && !is_regular(last->fd)) {
		/* A FIFO can be opened for reading and writing, and has
		 * nothing to read. */
		close_p(&last->fd);
		unlinkat(store->dir_fd, name, 0);
		last->fd = -1;
	}
	if (last->fd < 0) {
		int fd = make_last(store, name);

		if (fd < 0)
			return store_file_error(store->path, name, -fd, "open", err);
		last->fd = fd;
	}
	/* The file is not truncated first, because ext4 would write a truncated file to
	 * the disk when it is closed. A kill between the two calls leaves, at worst,
	 * another place to start from. */
	n = pwrite(last->fd, text, len, 0);
	if (n < 0)
		return store_file_error(store->path, name, errno, "write", err);
	if ((size_t)n != len)
		return store_file_error(store->path, name, ENOSPC, "write", err);
	if (last->len > len && ftruncate(last->fd, (off_t)len) < 0)
		return store_file_error(store->path, name, errno, "write", err);
	last->len = len;
	return 0;
}
