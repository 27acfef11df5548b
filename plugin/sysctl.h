/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel parameters below /proc/sys/net, of the network namespace that the thread is in.
 * Names are paths relative to that: "ipv4/ip_forward".
 */
#ifndef BRIDGE_CNI_PLUGIN_SYSCTL_H
#define BRIDGE_CNI_PLUGIN_SYSCTL_H

#include "../conf/error.h"

#define SYSCTL_ROOT "/proc/sys/net/"

/* The environment variable that names another mount of it, to write to. */
#define SYSCTL_ROOT_ENV "BRIDGE_CNI_SYSCTL_ROOT"

/* An integer parameter into @ret_value. -ENOENT (no error set) when there is no such. */
int sysctl_get(int *ret_value, struct cni_error *err, const char *fmt, ...)
	_printf_(3, 4);

/* Writes @value unless it is there already. -ENOENT as above. Code 5. */
int sysctl_ensure(int value, struct cni_error *err, const char *fmt, ...) _printf_(3, 4);

/* Router advertisements of a pod must not give the node a route (CVE-2020-10749): for each
 * interface of the node that pods' frames reach. Code 5. */
int sysctl_accept_ra_off(const char *ifname, struct cni_error *err);

#endif
