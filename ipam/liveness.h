/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside ipam/: whether the attachment that a record tells of is still there. */
#ifndef BRIDGE_CNI_IPAM_LIVENESS_H
#define BRIDGE_CNI_IPAM_LIVENESS_H

#include "ipam.h"
#include "ipam/store/store.h"

/* Judges the attachment by its record and by the kernel. @covers: the record names every
 * reservation that is the attachment's. @holds: there is one of these. */
enum ipam_liveness liveness_judge(const struct ipam_env *env, const struct record *record,
				  bool covers, bool holds);

/* Judges the attachment by its record, by the index, which must be open,
 * and by the kernel. */
enum ipam_liveness record_liveness(struct store *store, const struct ipam_env *env,
				   const struct record *record);

#endif
