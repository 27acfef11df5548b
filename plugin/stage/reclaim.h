/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dead attachments (their runtime never sent a DEL) are given one, by the code that DEL runs
 * every day: interface, rules and addresses alike.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_RECLAIM_H
#define BRIDGE_CNI_PLUGIN_STAGE_RECLAIM_H

#include "plugin/attachment/attachment.h"

/*
 * All attachments of @att's network that are not alive. Takes the node lock exclusively where there
 * are any. Tells the operator by notice(). Codes 5, 11, and those of DEL.
 */
int reclaim_network(struct attachment *att, struct cni_error *err);

/*
 * Of these only the ones that another program has deleted (IPAM_RELEASED): the reference's DEL
 * takes interface and addresses, and knows of nothing else. The namespaces of pods needn't be
 * seen for that, as they aren't in the node agent's container.
 */
int reclaim_released(struct attachment *att, struct cni_error *err);

/* DEL of the network's attachment of these names, alive or not. The node lock is held. */
int reclaim_delete(struct attachment *att, const char *container_id, const char *ifname,
		   struct cni_error *err);

/* The one of the same names as @att, if it is not alive. */
int reclaim_namesake(struct attachment *att, struct cni_error *err);

#endif
