/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names the programs that a runtime starts for a file of its configuration directory. */
#ifndef BRIDGE_CNI_CONF_NET_PROGRAMS_H
#define BRIDGE_CNI_CONF_NET_PROGRAMS_H

#include <stddef.h>

#include "conf/base/error.h"

/* Is called with the type of a plugin, and that of its IPAM plugin ("": it has none). */
typedef void (*net_program_fn)(const char *type, const char *ipam, void *data);

/* Calls @fn for each plugin of the file, a list or one plugin. Codes 6 and 7. */
int net_programs(const char *text, size_t len, net_program_fn fn, void *data,
		 struct cni_error *err);

#endif
