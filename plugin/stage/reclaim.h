/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dead attachments are those that ipam_liveness() doesn't find alive: their interface is
 * gone, and their runtime never sent a DEL. They get one here, by the code that DEL runs
 * every day, so that interface, rules and addresses go alike.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_RECLAIM_H
#define BRIDGE_CNI_PLUGIN_STAGE_RECLAIM_H

#include "plugin/attachment/attachment.h"

/*
 * Deletes all dead attachments of @att's network. Takes the node lock exclusively where
 * there are any, and tells the operator by notice(). Codes 5, 11, and those of DEL.
 */
int reclaim_network(struct attachment *att, struct cni_error *err);

/*
 * Deletes only those dead attachments that another program has deleted (IPAM_RELEASED):
 * the reference's DEL takes interface and addresses away, and knows of nothing else. That
 * can be told without the pods' namespaces, which the node agent's container doesn't see.
 * The same codes.
 */
int reclaim_released(struct attachment *att, struct cni_error *err);

/* Runs the DEL of the network's attachment of these names, alive or not. The node lock is
 * held. Codes as DEL's. */
int reclaim_delete(struct attachment *att, const char *container_id, const char *ifname,
		   struct cni_error *err);

/* Deletes the attachment of the same names as @att if it is dead. Takes the node lock
 * exclusively. Codes 5, 11, and those of DEL. */
int reclaim_namesake(struct attachment *att, struct cni_error *err);

#endif
