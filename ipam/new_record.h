/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside ipam/: the record of an attachment that ADD makes. */
#ifndef BRIDGE_CNI_IPAM_NEW_RECORD_H
#define BRIDGE_CNI_IPAM_NEW_RECORD_H

#include "ipam.h"
#include "ipam/store/record.h"

/* False where nothing can be asked of the kernel: then attachments get no records. */
bool makes_records(const struct ipam_env *env);

/*
 * Fills @ret_record with all that is known before the attachment has addresses. Its
 * strings are borrowed from @env, @network and @pod; record_clear() frees the rest. For
 * an @env that makes records. Code 100: out of memory.
 */
int new_record_fill(const struct ipam_env *env, const struct network *network,
		    const struct pod *pod, struct record *ret_record,
		    struct cni_error *err);

#endif
