/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GC: what a network's attachments have that the runtime no longer knows of. */
#ifndef BRIDGE_CNI_PLUGIN_VERB_GC_H
#define BRIDGE_CNI_PLUGIN_VERB_GC_H

#include "plugin/attachment/attachment.h"
#include "conf/valid_set.h"

/*
 * Deletes every attachment of the owner (identity_owner()) that the runtime's list doesn't
 * name, by the code that DEL runs: reservations, records, interfaces, elements; those of
 * another network, bridge or store are not touched. Without a list nothing is. Goes on past
 * errors and reports them all.
 */
int verb_gc(struct attachment *att, const struct valid_set *valid, struct cni_error *err);

/* Its part without a delegated IPAM, under the exclusive node lock. */
int gc_collect(struct attachment *att, const struct valid_set *valid,
	       struct cni_error *err);

/* The same of the store alone, for the executable under the name host-local. */
int ipam_verb_gc(struct attachment *att, const struct valid_set *valid,
		 struct cni_error *err);

#endif
