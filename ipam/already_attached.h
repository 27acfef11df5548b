/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside ipam/: an ADD of an attachment that is there already is refused. */
#ifndef BRIDGE_CNI_IPAM_ALREADY_ATTACHED_H
#define BRIDGE_CNI_IPAM_ALREADY_ATTACHED_H

#include "ipam.h"
#include "ipam/store/store.h"

/*
 * Code 103 where the pod's attachment has a reservation or a record in the store, whose
 * index must be open. The result is -ESTALE where its record says that it is not alive
 * any more.
 */
int refuse_already_attached(struct store *store, const struct ipam_env *env,
			    const struct pod *pod, struct cni_error *err);

/* The same where it has a record; reservations of its names are another plugin's. */
int refuse_already_recorded(struct store *store, const struct ipam_env *env,
			    const struct pod *pod, struct cni_error *err);

#endif
