/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pod's elements in the sets of masquerade_sets.h.
 *
 * Those of a delegated IPAM are the attachment's, named by its record, which ipam_delegated.c
 * writes; so its del is where they go: also where an ADD fails that never came as far as the
 * rules, but whose elements another one put back. Those of the in-process IPAM's pods are
 * told of by their records, too; what another program's DEL left, the ADD of the next pod with
 * that address deletes.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_PODS_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_PODS_H

#include "plugin/attachment/attachment.h"

/* Adds the elements of @att->ipam's addresses, all or none; the sets must be there. */
int masquerade_pods_add(struct attachment *att, struct cni_error *err);

#define MASQUERADE_SETS_EMPTIED 1

/* Deletes what a former owner of one of @att->ipam's addresses left. MASQUERADE_SETS_EMPTIED:
 * the sets are to be filled again. */
int masquerade_pods_del_former(struct attachment *att, struct cni_error *err);

/* Code 104 naming the address whose element isn't there. */
int masquerade_pods_check(struct attachment *att, struct cni_error *err);

/* Deletes the elements of those addresses that the attachment's record names, that are a
 * delegated IPAM's or apart, and that no other connected pod of the network has. */
int masquerade_pods_del(struct attachment *att, struct cni_error *err);

#endif
