/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of others in the runtime's directory that sort before the agent's configuration
 * list: containerd and CRI-O take the first one, so that pods would get another network.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_SHADOW_H
#define BRIDGE_CNI_AGENT_NODE_SHADOW_H

#include <limits.h>
#include <stddef.h>

#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"

/* The caller sets the first two fields, which it keeps, and the rest to 0. */
struct shadow {
	const struct options *options;
	const struct log *log;
	char first[NAME_MAX + 1]; /* the file that a runtime takes; "": the agent's */
	size_t n; /* files that sort before the agent's */
};

/* Looks for such files. The first one is logged when it comes, and when it has gone. */
void shadow_look(struct shadow *shadow);

#endif
