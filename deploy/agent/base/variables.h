/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The environment's variables that nobody reads: a misspelt one would otherwise turn a
 * guard off without a word. */
#ifndef BRIDGE_CNI_AGENT_BASE_VARIABLES_H
#define BRIDGE_CNI_AGENT_BASE_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "log.h"

#define VARIABLE_PREFIX "BRIDGE_CNI_" /* of all options' variables but NODE_NAME */

/* Whether Kubernetes has made "NAME=VALUE" for a Service of the cluster, by the names
 * that containers get for a Service "bridge-cni" or "bridge-cni-agent". */
bool variable_is_of_service(const char *entry);

/* Writes a line of level warn for each variable BRIDGE_CNI_… that is neither an option's
 * nor of a Service. @is_known knows those of options, and @meant gives the one that may be
 * meant; NULL: none is near. */
void variables_tell_unknown(const struct log *log, bool (*is_known)(const char *name),
			    const char *(*meant)(const char *name, char *buf,
						 size_t size));

#endif
