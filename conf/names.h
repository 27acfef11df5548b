/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The syntax of names that come from outside: networks, containers, interfaces. */
#ifndef BRIDGE_CNI_CONF_NAMES_H
#define BRIDGE_CNI_CONF_NAMES_H

#include <stdbool.h>

/*
 * `^[a-zA-Z0-9][a-zA-Z0-9_.-]*$` and at most CNI_NAME_MAX bytes: network names and
 * container IDs (containernetworking/cni pkg/utils).
 */
#define CNI_NAME_MAX 255
bool cni_name_valid(const char *name);

/*
 * 1-15 bytes, not "." or "..", no '/', ':' or white space (containernetworking/cni
 * pkg/utils); no '%' either, since the kernel makes "eth%d" another name.
 */
bool ifname_valid(const char *name);

#endif
