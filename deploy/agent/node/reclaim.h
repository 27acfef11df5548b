/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attachments whose runtime never sent a DEL are given one. Only those of which there is a
 * record, no interface, and no namespace any more; and the last is believed only in a
 * directory where the namespace of a live attachment is seen: a container into which
 * /run/netns isn't propagated sees plain files there, or nothing, and everybody would be dead.
 *
 * Each gets a DEL by name. GC would want the list of all that live, and a pod that is added
 * after that was made would be deleted.
 */
#ifndef BRIDGE_CNI_AGENT_RECLAIM_H
#define BRIDGE_CNI_AGENT_RECLAIM_H

#include "ipam/ipam.h"
#include "conflist.h"
#include "deploy/agent/base/job.h"

/* The dead, by their names. @ret_refused: who may be dead, but nothing could be believed. */
int reclaim_find(const struct options *options, struct ipam_owner_list *ret_dead,
		 size_t *ret_refused, struct cni_error *err);

/* Is it still? Its names may be a live one's by now. False: it can't be told, too. */
bool reclaim_is_dead(const struct options *options, const struct ipam_owner *owner);

/* Starts bridge-cni's DEL of one. */
int reclaim_start(const struct options *options, const struct conflist *list,
		  const struct ipam_owner *owner, struct job *job, struct cni_error *err);

#endif
