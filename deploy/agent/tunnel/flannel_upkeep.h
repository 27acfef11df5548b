/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What --flannel does: peers that run flannel get into the plan, refused annotations into
 * the log, and this node's own annotations are said, by which flannel's nodes find it.
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_FLANNEL_UPKEEP_H
#define BRIDGE_CNI_AGENT_TUNNEL_FLANNEL_UPKEEP_H

#include "deploy/agent/api/annotation_patch.h"
#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"
#include "flannel_peers.h"
#include "plugin/netlink/netlink.h"

/* The manifest that lets an agent write its Node's annotations of flannel. */
#define FLANNEL_RIGHTS "deploy/flannel.yaml"

/* The caller sets all but the fields behind @first, which it keeps, and the rest to 0. */
struct flannel_upkeep {
	const struct options *options;
	const struct log *log;
	struct netlink *rtnl;
	const struct surroundings *around; /* settled when the plan is made */
	const struct flannel_names *names;
	size_t first; /* index of names->text[0] among the annotations that are read */
	uint64_t told; /* a hash of what was logged of refused annotations */
	char data[IP_FAMILIES][FLANNEL_DATA_MAX], addresses[IP_FAMILIES][IP_TEXT_MAX];
};

/* Where --flannel is on: flannel_peers_make(). What is refused is logged when it isn't
 * the same as the last time. Code 100. */
int flannel_upkeep_plan(struct flannel_upkeep *upkeep, struct tunnel_plan *plan,
			struct cni_error *err);

/*
 * Gives what the own Node's annotations of flannel are to be, into an array with room for
 * FLANNEL_NOTES; the texts are valid until the next call. Returns how many; 0: they are
 * left as they are. @ready: this node's devices are there. Without --flannel what an agent
 * has written is to go. As long as flannel has a device on this node, they are its own.
 */
size_t flannel_upkeep_wishes(struct flannel_upkeep *upkeep,
			     const struct tunnel_plan *plan,
			     const struct cluster_node *own, bool ready,
			     struct annotation_wish *ret_wishes);

/* Where --flannel is on: removes the annotations from the own Node, but not as long as
 * flannel has a device on this node. What goes wrong is logged. */
void flannel_annotations_remove(const struct options *options, struct netlink *rtnl,
				const struct log *log);

/* Has flannel a VXLAN device on this node? Codes 100, 101. */
int flannel_is_here(struct netlink *nl, bool *ret_here, struct cni_error *err);

#endif
