/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pod's elements in the sets of masquerade_sets.h.
 *
 * The pod's record names the addresses that have elements. With a delegated IPAM plugin
 * ipam_delegated.c writes that record, and so its del deletes the elements. It does so
 * even where an ADD fails before it has come to the rules: another ADD may have put its
 * elements back by the record. A pod of the in-process IPAM may be deleted by another
 * program, which leaves the elements: then the ADD of the next pod with that address
 * deletes them.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_PODS_H
#define BRIDGE_CNI_PLUGIN_STAGE_MASQUERADE_PODS_H

#include "plugin/attachment/attachment.h"

/* Adds the elements of @att->ipam's addresses, all or none; the sets must be there. */
int masquerade_pods_add(struct attachment *att, struct cni_error *err);

#define MASQUERADE_SETS_EMPTIED 1

/* Deletes the elements that a former pod with one of @att->ipam's addresses left.
 * MASQUERADE_SETS_EMPTIED: somebody emptied the sets, they are to be filled again. */
int masquerade_pods_del_former(struct attachment *att, struct cni_error *err);

/* Are the elements of @att->ipam's addresses there? Code 101. */
int masquerade_pods_find(struct attachment *att, bool *ret_there, struct cni_error *err);

/* Code 104 naming an address whose element isn't there. */
int masquerade_pods_check(struct attachment *att, struct cni_error *err);

/* Deletes the elements of the addresses that the attachment's record names, where a
 * delegated IPAM plugin gave them or the record says that they are apart. Addresses that
 * another connected pod of the network has, too, keep theirs. */
int masquerade_pods_del(struct attachment *att, struct cni_error *err);

#endif
