/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel parameters below /proc/sys/net, of the network namespace that the thread is in.
 * Names are paths relative to that: "ipv4/ip_forward".
 */
#ifndef BRIDGE_CNI_PLUGIN_NODE_SYSCTL_H
#define BRIDGE_CNI_PLUGIN_NODE_SYSCTL_H

#include <stdbool.h>

#include "conf/base/error.h"

#define SYSCTL_ROOT "/proc/sys/net/"

/* The environment variable that names another mount of it, to write to. */
#define SYSCTL_ROOT_ENV "BRIDGE_CNI_SYSCTL_ROOT"

/* An integer parameter into @ret_value. -ENOENT (no error set) when there is no such. */
int sysctl_get(int *ret_value, struct cni_error *err, const char *fmt, ...)
	_printf_(3, 4);

/*
 * Writes @value unless it is there already: where /proc/sys can't be written to, as in a
 * container, what is right needs no writing. -ENOENT as above. Code 5 says what else helps.
 */
int sysctl_ensure(int value, struct cni_error *err, const char *fmt, ...) _printf_(3, 4);

/* The same for what mostly isn't there yet: written first, read where that fails. */
int sysctl_set(int value, struct cni_error *err, const char *fmt, ...) _printf_(3, 4);

/* Turns IPv6 on for an interface of a network that has IPv6 ranges. Codes 5; 101: the kernel
 * runs without it. */
int sysctl_enable_ipv6(const char *ifname, struct cni_error *err);

/* Could it be written? False, too, when there is no such. */
bool sysctl_is_writable(const char *fmt, ...) _printf_(1, 2);

#endif
