/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel parameters below /proc/sys/net, of the network namespace that the thread is in.
 * Each is named by its path from there: "ipv4/ip_forward". */
#ifndef BRIDGE_CNI_PLUGIN_NODE_SYSCTL_H
#define BRIDGE_CNI_PLUGIN_NODE_SYSCTL_H

#include <limits.h>
#include <stdbool.h>

#include "conf/base/error.h"

#define SYSCTL_ROOT "/proc/sys/net/"

/* The environment variable that names another mount of SYSCTL_ROOT, to write to. */
#define SYSCTL_ROOT_ENV "BRIDGE_CNI_SYSCTL_ROOT"

/* The outcome where the kernel has no parameter of that name. */
#define SYSCTL_ABSENT 1

/* Reads an integer parameter into @ret_value. SYSCTL_ABSENT, or code 5. */
int sysctl_get(int *ret_value, struct cni_error *err, const char *fmt, ...)
	_printf_(3, 4);

/*
 * Writes @value unless the parameter has it already: in a container, where /proc/sys
 * can't be written to, a parameter that is right is no error. SYSCTL_ABSENT, or code 5,
 * whose details say what else helps.
 */
int sysctl_ensure(int value, struct cni_error *err, const char *fmt, ...) _printf_(3, 4);

/* The same for a parameter that mostly hasn't the value yet: it is written first, and
 * read only where that fails. */
int sysctl_set(int value, struct cni_error *err, const char *fmt, ...) _printf_(3, 4);

/* A directory of parameters, for whoever writes several of them. */
struct sysctl_dir {
	int fd; /* -1: it isn't open, or isn't there; owned */
	char path[PATH_MAX];
};
#define SYSCTL_DIR_CLOSED ((struct sysctl_dir){.fd = -1})

/* Opens a directory, whose name ends in '/'. SYSCTL_ABSENT, or code 5. */
int sysctl_dir_open(struct sysctl_dir *ret_dir, struct cni_error *err, const char *fmt,
		    ...) _printf_(3, 4);
void sysctl_dir_close(struct sysctl_dir *dir);

/* As sysctl_set(), for a parameter in the directory. */
int sysctl_dir_set(const struct sysctl_dir *dir, const char *name, int value,
		   struct cni_error *err);

/* Turns IPv6 on for an interface of a network that has IPv6 ranges. Code 5; 101 where the
 * kernel runs without IPv6. */
int sysctl_enable_ipv6(const char *ifname, struct cni_error *err);

/* Can the parameter be written? False, too, where there is none of that name. */
bool sysctl_is_writable(const char *fmt, ...) _printf_(1, 2);

#endif
