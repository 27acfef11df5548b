/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The work of the option --flannel: peers that run flannel get into the plan, annotations
 * that are refused into the log, and this node's own Node gets the annotations by which
 * flannel's nodes find it.
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

/* With --flannel: adds the peers that run flannel to @plan, by flannel_peers_make().
 * Refused annotations are logged when they are others than the last time. Code 100. */
int flannel_upkeep_plan(struct flannel_upkeep *upkeep, struct tunnel_plan *plan,
			struct cni_error *err);

/*
 * Gives the annotations of flannel that this node's Node is to have, into an array with
 * room for FLANNEL_NOTES; the texts are valid until the next call. Returns how many; 0:
 * the annotations are left as they are. @ready: this node's devices are there. Without
 * --flannel the annotations that an agent has written are to go. As long as flannel has a
 * device on this node, the annotations are flannel's, and are left alone.
 */
size_t flannel_upkeep_wishes(struct flannel_upkeep *upkeep,
			     const struct tunnel_plan *plan,
			     const struct cluster_node *own, bool ready,
			     struct annotation_wish *ret_wishes);

/* With --flannel: removes the annotations from this node's Node, but not as long as
 * flannel has a device on this node. Failures are logged. */
void flannel_annotations_remove(const struct options *options, struct netlink *rtnl,
				const struct log *log);

/* Tells whether flannel has a VXLAN device on this node. Codes 100, 101. */
int flannel_is_here(struct netlink *nl, bool *ret_here, struct cni_error *err);

#endif
