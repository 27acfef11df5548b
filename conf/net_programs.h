/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names the programs that a runtime starts for a file of its configuration directory. */
#ifndef BRIDGE_CNI_CONF_NET_PROGRAMS_H
#define BRIDGE_CNI_CONF_NET_PROGRAMS_H

#include <stddef.h>

#include "conf/base/error.h"

/* A plugin of a file: its type, that of its IPAM plugin, and the key bridge, which some
 * have. "": it has none. */
struct net_program {
	const char *type, *ipam, *bridge;
};
typedef void (*net_program_fn)(const struct net_program *program, void *data);

/* Calls @fn for each plugin of the file, a list or one plugin. Codes 6 and 7. */
int net_programs(const char *text, size_t len, net_program_fn fn, void *data,
		 struct cni_error *err);

#endif
