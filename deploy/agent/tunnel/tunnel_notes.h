/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of the annotations of Nodes that are read for tunnels. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_NOTES_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_NOTES_H

#include "deploy/agent/api/annotations.h"
#include "flannel_notes.h"

#define TUNNEL_NOTES_FLANNEL   0 /* index of the first one of flannel's */
#define TUNNEL_NOTES_WIREGUARD FLANNEL_NOTES /* index of the WireGuard key */

/* It must not be moved: @names points into it. */
struct tunnel_notes {
	struct flannel_names flannel;
	const char *items[FLANNEL_NOTES + 1];
	struct annotation_names names;
};

/* @flannel_prefix: the prefix of flannel's annotations. All annotations are read in each
 * mode, so that those of this node can be removed when the mode has changed. */
void tunnel_notes_set(struct tunnel_notes *notes, const char *flannel_prefix);

#endif
