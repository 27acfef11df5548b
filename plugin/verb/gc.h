/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GC: deletes attachments that the runtime no longer knows of. */
#ifndef BRIDGE_CNI_PLUGIN_VERB_GC_H
#define BRIDGE_CNI_PLUGIN_VERB_GC_H

#include "plugin/attachment/attachment.h"
#include "conf/valid_set.h"

/*
 * Deletes every attachment of the owner (identity_owner()) that @valid, the runtime's
 * list, doesn't name, by the code that DEL runs: reservations, records, interfaces,
 * elements. Those of another network, bridge or store are not touched. Without a list
 * nothing is deleted. Goes on past errors: the first one is the result, the others are in
 * its details.
 */
int verb_gc(struct attachment *att, const struct valid_set *valid, struct cni_error *err);

/* The part of it that has nothing to do with a delegated IPAM. Under the exclusive node
 * lock. */
int gc_collect(struct attachment *att, const struct valid_set *valid,
	       struct cni_error *err);

/* GC for the executable under the name host-local: gives back reservations, and does
 * nothing else. */
int ipam_verb_gc(struct attachment *att, const struct valid_set *valid,
		 struct cni_error *err);

#endif
