/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removes annotations from this node's Node without an agent that keeps running: for
 * --cleanup. */
#ifndef BRIDGE_CNI_AGENT_API_ANNOTATE_ONCE_H
#define BRIDGE_CNI_AGENT_API_ANNOTATE_ONCE_H

#include "annotations.h"
#include "deploy/agent/base/log.h"
#include "transport.h"

/*
 * Removes the annotations of these names from the Node @node, which takes PATCH_SECONDS
 * at most; spec->connecting may be NULL. It is no failure where there are none, or no
 * such Node. False: they may be left, and the log has a warning that says why.
 */
bool annotations_remove(const struct transport_spec *spec, const char *node,
			const struct annotation_names *names, const char *patch_rights,
			const struct log *log);

#endif
