/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the processes that hold some sockets. The search goes through all of /proc, which
 * is slow. */
#ifndef BRIDGE_CNI_PLUGIN_NODE_SOCKET_HOLDERS_H
#define BRIDGE_CNI_PLUGIN_NODE_SOCKET_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_NAME_MAX 16 /* the kernel's TASK_COMM_LEN */

struct socket_holder {
	uint32_t inode; /* in: of the socket */
	/*
	 * Out: the process is the container runtime, which keeps the port for a
	 * container. That is an ancestor of this process in the same session, or conmon.
	 * A login shell's sshd and init have sessions of their own: they are not taken
	 * for the runtime, although this process descends from them.
	 */
	bool is_runtime;
	pid_t pid; /* 0: the kernel, or a process that isn't seen from here */
	char name[PROCESS_NAME_MAX];
};

/* Fills in who holds each of the sockets, and sorts @holders by their inodes. */
void socket_holders_find(struct socket_holder *holders, size_t n);

#endif
