/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The annotations of Nodes that are read for tunnels. */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_NOTES_H
#define BRIDGE_CNI_AGENT_TUNNEL_TUNNEL_NOTES_H

#include "deploy/agent/api/annotations.h"
#include "flannel_notes.h"

#define TUNNEL_NOTES_FLANNEL   0 /* index of the first one of flannel's */
#define TUNNEL_NOTES_WIREGUARD FLANNEL_NOTES /* index of the WireGuard key */

/* It stays where it is: @names points into it. */
struct tunnel_notes {
	struct flannel_names flannel;
	const char *items[FLANNEL_NOTES + 1];
	struct annotation_names names;
};

/* @flannel_prefix: of flannel's annotations. All are read in other modes, too, so that
 * those of this node go with the mode. */
void tunnel_notes_set(struct tunnel_notes *notes, const char *flannel_prefix);

#endif
