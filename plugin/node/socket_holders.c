/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks through the descriptors of all processes. A process that ends meanwhile holds no
 * sockets. */
#include "socket_holders.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/base/util.h"

#define INIT	  1
#define STAT_MAX  512
#define PATH_ROOM 64

#define SOCKET_LINK "socket:[" /* and the inode */

struct search {
	struct socket_holder *holders;
	size_t n;
};

static int by_inode(const void *a, const void *b)
{
	const struct socket_holder *first = a, *second = b;

	return (first->inode > second->inode) - (first->inode < second->inode);
}

/* Reads a file of a process, and puts a NUL behind it. False: there is none. */
static bool process_read(pid_t pid, const char *file, char *text, size_t size)
{
	_cleanup_(close_p) int fd = -1;
	char path[PATH_ROOM];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, size - 1);
	text[len > 0 ? len : 0] = '\0';
	return len > 0;
}

static void holder_note(struct socket_holder *holder, pid_t pid, bool is_ancestor)
{
	char name[PROCESS_NAME_MAX + 1] = "";

	process_read(pid, "comm", name, sizeof(name));
	name[strcspn(name, "\n")] = '\0';
	holder->is_runtime |= is_ancestor || strcmp(name, "conmon") == 0;
	/* Init holds the sockets of the services that it starts. The name of the service
	 * says more. */
	if (holder->pid > INIT)
		return;
	holder->pid = pid;
	snprintf(holder->name, sizeof(holder->name), "%s", name);
}

static void process_search(struct search *search, pid_t pid, bool is_ancestor)
{
	char path[PATH_ROOM], target[PATH_ROOM];
	const struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		struct socket_holder key = {}, *found = NULL;
		ssize_t len = readlinkat(dirfd(directory), entry->d_name, target,
					 sizeof(target) - 1);

		target[len > 0 ? len : 0] = '\0';
		if (strncmp(target, SOCKET_LINK, strlen(SOCKET_LINK)) == 0) {
			key.inode = strtoul(target + strlen(SOCKET_LINK), NULL, 10);
			found = bsearch(&key, search->holders, search->n, sizeof(key),
					by_inode);
		}
		if (found)
			holder_note(found, pid, is_ancestor);
	}
	if (directory)
		closedir(directory);
}

/* proc(5): "PID (NAME) STATE PPID PGRP SESSION …"; a name may have anything in it. */
static bool lineage_read(pid_t pid, pid_t *ret_parent, pid_t *ret_session)
{
	char text[STAT_MAX];
	char *after;

	if (!process_read(pid, "stat", text, sizeof(text)))
		return false;
	after = strrchr(text, ')');
	if (!after || strlen(after) < strlen(") S "))
		return false;
	*ret_parent = (pid_t)strtol(after + strlen(") S "), &after, 10);
	strtol(after, &after, 10);
	*ret_session = (pid_t)strtol(after, NULL, 10);
	return true;
}

static void ancestors_search(struct search *search)
{
	pid_t own = getsid(0), session, parent, pid = getppid();

	while (pid > 0 && lineage_read(pid, &parent, &session) && session == own) {
		process_search(search, pid, true);
		pid = parent;
	}
}

static bool is_done(const struct search *search)
{
	for (size_t i = 0; i < search->n; i++)
		if (!search->holders[i].is_runtime)
			return false;
	return true;
}

static void all_search(struct search *search)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	while (proc && !is_done(search) && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			process_search(search, (pid_t)strtol(entry->d_name, NULL, 10),
				       false);
	if (proc)
		closedir(proc);
}

void socket_holders_find(struct socket_holder *holders, size_t n)
{
	struct search search = {holders, n};

	qsort(holders, n, sizeof(*holders), by_inode);
	ancestors_search(&search);
	all_search(&search);
}
