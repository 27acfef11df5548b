/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks through the sets and maps that stages contribute, and deletes elements there. An
 * element says which pod it belongs to by the name of the pod's interface on the node
 * (set_element_pod()). A kernel without nf_tables has none. Codes 5, 11, 100, 101.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_SWEEP_H
#define BRIDGE_CNI_PLUGIN_STAGE_SWEEP_H

#include "conf/valid_set.h"
#include "plugin/attachment/attachment.h"

/*
 * Deletes, in one transaction, the elements of pods of @net's network that have neither
 * an interface nor a record or reservation, and are not in @valid. Under the exclusive
 * lock. @ret_n: how many there were.
 */
int sweep_gone(struct attachment *net, const struct valid_set *valid, size_t *ret_n,
	       struct cni_error *err);

/* Deletes the elements of all pods of @net's network that have no interface, whatever
 * else they have: nothing comes from or gets to such a pod any more. The same
 * otherwise. */
int sweep_unconnected(struct attachment *net, size_t *ret_n, struct cni_error *err);

/* Deletes the elements of @att's pod in the sets of @owner (identity_owner()). */
int sweep_pod_of_owner(struct attachment *att, uint64_t owner, struct cni_error *err);

/* The same in the sets of all owners that the node has. */
int sweep_pod(struct attachment *att, struct cni_error *err);

#endif
